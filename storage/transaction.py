"""All or nothing: in the warehouse, and in the journal, which has what a transaction did before that is committed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from storage.journal.noting import close_entry, drop_entry, next_number, open_entry, write_entry
from storage.wholeness.mark import note_commit
from storage.write import enter, update

NUMBERED = "ops.journal"


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what the block does; on any exception undo it."""
    con.execute("BEGIN")
    open_entry(con)
    try:
        yield
        _enter(con)
        con.execute("COMMIT")
        close_entry(con)
    except BaseException:
        with suppress(duckdb.Error):  # a COMMIT that fails has rolled back already
            con.execute("ROLLBACK")
        drop_entry(con)
        raise
    note_commit(con)


def _enter(con: duckdb.DuckDBPyConnection) -> None:
    """By its number the warehouse says whether it has committed what the journal has."""
    number = next_number(con)
    if number is not None:
        set_number(con, number)
        write_entry(con, number)


def set_number(con: duckdb.DuckDBPyConnection, number: int) -> None:
    """Note, in the transaction that goes on, the last entry of the journal that the warehouse has."""
    if not update(con, NUMBERED, {"number": number}):
        enter(con, NUMBERED, {"number": number})
