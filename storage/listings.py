"""Datasets that each extraction reads whole: what the latest listing of a source lacks is gone.

The rows of a listing carry the instant of the look, and its last landing file moves the watermark there. So a row that was last
seen before the watermark is gone, whatever order the files come in; and a listing that broke off moves no watermark.
A listing that lacks more than half of all is more likely wrong: it marks nothing until somebody says that it is right.
"""

import duckdb

from storage.catalogue import Table
from storage.instants import as_instant
from storage.ledger import watermarks

MOST_GONE = 0.5
SEEN = "(row ->> 'extracted_at')"
"""SQL: when a refused row was seen."""


def doubt(dataset: str, gone: int, rows: int) -> str:
    """What is said of deletions that are not believed."""
    return (
        f"the source no longer has {gone:,} of {rows:,} rows of {dataset}; nothing was marked as deleted. Look at the source, at"
        " what we may see of it, and at the mapping; run reconcile_sources with most_deleted_ratio=1 if they are right"
    )


def mark_gone(con: duckdb.DuckDBPyConnection, table: Table, source: str, most_deleted_ratio: float = MOST_GONE) -> str | None:
    """Mark the rows that the latest listing of `source` lacks as deleted, and forget refused ones that it lacks too; or say why
    not."""
    mark = watermarks(con, source).get(table.name)
    if mark is None:
        return None
    gone, rows = con.execute(
        f"SELECT count(*) FILTER (WHERE extracted_at < ?), count(*) FROM {table.full_name} WHERE source = ? AND NOT is_deleted",
        [mark.watermark, source],
    ).fetchall()[0]
    if gone > most_deleted_ratio * rows:  # of one that was replaced by another, half
        return doubt(table.name, gone, rows)
    con.execute(
        f"UPDATE {table.full_name} SET is_deleted = true WHERE source = ? AND extracted_at < ? AND NOT is_deleted",
        [source, mark.watermark],
    )
    con.execute(
        f"DELETE FROM ops.rejected_rows WHERE dataset = ? AND source = ? AND {as_instant(SEEN)} < CAST(? AS TIMESTAMPTZ)",
        [table.name, source, mark.watermark],
    )
    return None
