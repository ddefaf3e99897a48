"""Sums that a computation carries from hour to hour hold as long as what they were made of stays as it was."""

import duckdb

from storage.catalogue import TABLES, Table
from storage.write import update


def note_changes(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Note, before the relation `accepted` goes into `table`, whether it says anything of rows that were summed.

    An act that is read again and again because it has not ended is in no sum.
    """
    for name, carrying in TABLES.items():
        if carrying.sums and carrying.sums.table == table.full_name:
            is_summed = f"EXISTS (SELECT 1 FROM accepted WHERE {carrying.sums.counted_where})"
            update(con, name, {carrying.sums.carried: -1}, is_summed)
