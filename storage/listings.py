"""Datasets that each extraction reads whole: what the latest listing of a source lacks is gone.

The rows of a listing carry the instant of the look, and its last landing file moves the watermark there. So a row that was last
seen before the watermark is gone, whatever order the files come in; and a listing that broke off moves no watermark.
"""

import duckdb

from storage.catalogue import Table
from storage.ledger import watermarks


def mark_gone(con: duckdb.DuckDBPyConnection, table: Table, source: str) -> None:
    """Mark the rows that the latest listing of `source` lacks as deleted, and forget refused ones that it lacks too."""
    mark = watermarks(con, source).get(table.name)
    if mark is None:
        return
    con.execute(
        f"UPDATE {table.full_name} SET is_deleted = true WHERE source = ? AND extracted_at < ? AND NOT is_deleted",
        [source, mark.watermark],
    )
    con.execute(
        "DELETE FROM ops.rejected_rows WHERE dataset = ? AND source = ?"
        " AND TRY_CAST(row ->> 'extracted_at' AS TIMESTAMPTZ) < CAST(? AS TIMESTAMPTZ)",
        [table.name, source, mark.watermark],
    )
