"""The rows that the contract refused: kept whole with their reasons until a later one with their key is accepted."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb
import polars as pl

from storage.catalogue import TABLES, Table
from storage.changes import change
from storage.frames import fetch
from storage.instants import CLOCKS_DIFFER, as_instant
from storage.intake.contract import key_text
from storage.journal.noting import note_act
from storage.relations import count_rows, has_rows, store
from storage.sql_files import sql_beside
from storage.transaction import transaction
from storage.write import remove, update, upsert

REJECTED_ROWS = TABLES["ops.rejected_rows"]
REJECTED_ID = "md5(concat_ws('|', dataset, reason, CAST(json_merge_patch(row, '{\"extracted_at\": null}') AS VARCHAR)))"
"""SQL: what identifies a refused row: one that was refused before for the same reason is the same, whenever it was seen."""
NO_LOOKS: Mapping[str, datetime] = {}
SEEN_AT = as_instant("coalesce(row ->> 'extracted_at', row ->> 'updated_at')")


def keep_rejected(con: duckdb.DuckDBPyConnection, now: datetime, looks: Mapping[str, datetime] = NO_LOOKS) -> int:
    """Keep the rows of the relation `rejected`; one that was refused before for the same reason is one row. Returns how many.

    Args:
        looks: by source, when its rows were seen that say that it was in the future.
    """
    count = count_rows(con, "rejected")
    if count:
        store(
            con,
            "refused",
            f"SELECT {REJECTED_ID} AS rejected_id, dataset, key, reason, row, source,"
            f" CAST($now AS TIMESTAMPTZ) AS rejected_at, {SEEN_AT} AS seen_at FROM rejected",
            {"now": now},
        )
        for source, look in looks.items():
            is_ahead = {"source": source, "bound": now + CLOCKS_DIFFER}
            update(con, "refused", {"seen_at": look}, "source = $source AND seen_at > $bound", is_ahead)
        upsert(con, REJECTED_ROWS, "refused")
    return count


def forget_accepted(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Drop refused rows whose key has come in since, seen at least as late: what was wrong has been mended."""
    if not has_rows(con, "ops.rejected_rows", "dataset = $dataset", {"dataset": table.name}):
        return
    is_newer, same_source = "true", " AND refused.source = taken.source" if "source" in table.key else ""
    if "extracted_at" in table.column_names:
        is_newer = "coalesce(refused.seen_at <= taken.extracted_at, true)"
    change(
        con,
        REJECTED_ROWS.full_name,
        f"DELETE FROM ops.rejected_rows AS refused USING accepted AS taken"
        f" WHERE refused.dataset = ? AND refused.key = {key_text(table, 'taken.')}{same_source} AND {is_newer}",
        [table.name],
    )


def rejected_rows(con: duckdb.DuckDBPyConnection, dataset: str) -> pl.DataFrame:
    """The refused rows of `dataset`: rejected_id, key, row (JSON text), source."""
    return fetch(con, sql_beside(__file__, "rejected_rows"), {"dataset": dataset})


def forget_replayed(con: duckdb.DuckDBPyConnection, rejected_ids: Sequence[str], before: datetime) -> None:
    """Drop refused rows that went through the loader again since: what was refused anew has a row of its own."""
    is_replayed = "list_contains($rejected_ids, rejected_id) AND rejected_at < $before"
    with transaction(con):
        note_act(con, "forget_replayed", rejected_ids=list(rejected_ids), before=before)
        remove(con, REJECTED_ROWS.full_name, is_replayed, {"rejected_ids": list(rejected_ids), "before": before})
