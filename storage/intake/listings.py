"""Datasets that each extraction reads whole: what the latest listing of a source lacks is gone.

The rows of a listing carry the instant of the look, and its last landing file moves the watermark there. So a row that was last
seen before the watermark is gone, whatever order the files come in; and a listing that broke off moves no watermark.
A listing that lacks more than half of all is more likely wrong: it marks nothing until somebody says that it is right.
"""

import duckdb

from storage.catalogue import Table
from storage.changes import change
from storage.intake.contract import key_text
from storage.intake.ledger import watermarks
from storage.journal.noting import note_act
from storage.transaction import transaction
from storage.write import remove

MOST_GONE = 0.5
ALIASES = "aliases"
"""The source of what an operator's own file says of people: it is believed."""


def doubt(dataset: str, gone: int, rows: int) -> str:
    """What is said of deletions that are not believed."""
    return (
        f"the source no longer has {gone:,} of {rows:,} rows of {dataset}; nothing was marked as deleted. Check the source,"
        " what govpulse may see of it, and the mapping; if they are right, run reconcile_sources with most_deleted_ratio=1"
    )


def mark_gone(con: duckdb.DuckDBPyConnection, table: Table, source: str, most_deleted_ratio: float = MOST_GONE) -> str | None:
    """Mark the rows that the latest listing of `source` lacks as deleted, and forget refused ones that it lacks too; or say why
    not."""
    mark = watermarks(con, source).get(table.name)
    if mark is None:
        return None
    # A row whose newest state was refused is still there.
    is_gone = (
        f"extracted_at < $seen_at AND {key_text(table)} NOT IN"
        " (SELECT key FROM ops.rejected_rows WHERE dataset = $dataset AND source = $source AND seen_at >= $seen_at)"
    )
    look = {"seen_at": mark.watermark, "source": source, "dataset": table.name}
    most_deleted_ratio = 1.0 if source == ALIASES else most_deleted_ratio
    gone, rows = con.execute(
        f"SELECT count(*) FILTER (WHERE {is_gone}), count(*) FROM {table.full_name} WHERE source = $source AND NOT is_deleted", look
    ).fetchall()[0]
    if gone > most_deleted_ratio * rows:  # of one that was replaced by another, half
        return doubt(table.name, gone, rows)
    name = table.full_name
    change(con, name, f"UPDATE {name} SET is_deleted = true WHERE source = $source AND {is_gone} AND NOT is_deleted", look)
    is_past = "dataset = $dataset AND source = $source AND seen_at < CAST($seen_at AS TIMESTAMPTZ)"
    remove(con, "ops.rejected_rows", is_past, look)
    return None


def insist_on_gone(con: duckdb.DuckDBPyConnection, table: Table, source: str, most_deleted_ratio: float) -> str | None:
    """The same where nothing is loaded, in a transaction of its own."""
    with transaction(con):
        note_act(con, "insist_on_gone", dataset=table.name, source=source, most_deleted_ratio=most_deleted_ratio)
        return mark_gone(con, table, source, most_deleted_ratio)
