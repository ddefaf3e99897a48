"""Sums that a computation carries from hour to hour hold as long as what they were made of stays as it was."""

import duckdb

from storage.catalogue import Table
from storage.changes import change

SUMMED = "raw.activity"


def note_changes(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Note, before the relation `accepted` goes into `table`, whether it says anything of acts that were summed.

    An act that is read again and again because it has not ended is in no sum.
    """
    if table.full_name == SUMMED:
        change(
            con,
            "state.expertise",
            "UPDATE state.expertise SET carried_rows = -1"
            " WHERE EXISTS (SELECT 1 FROM accepted WHERE occurred_at < carried_until AND status <> 'running')",
        )
