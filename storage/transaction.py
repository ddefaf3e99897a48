"""All or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from storage.warehouse_mark import note_commit


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what the block does; on any exception undo it."""
    con.execute("BEGIN")
    try:
        yield
        con.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # a COMMIT that fails has rolled back already
            con.execute("ROLLBACK")
        raise
    note_commit(con)
