"""The rows that the contract refused: kept whole with their reasons until a later one with their key is accepted."""

from collections.abc import Sequence
from datetime import datetime

import duckdb
import polars as pl

from storage.catalogue import TABLES, Table
from storage.contract import key_text
from storage.frames import fetch
from storage.instants import as_instant
from storage.write import upsert

REJECTED_ROWS = TABLES["ops.rejected_rows"]


def keep_rejected(con: duckdb.DuckDBPyConnection, now: datetime) -> int:
    """Keep the rows of the relation `rejected`; one that was refused before for the same reason is one row. Returns how many."""
    count = int(con.sql("SELECT count(*) FROM rejected").fetchall()[0][0])
    if count:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE refused AS SELECT md5(concat_ws('|', dataset, reason,"
            " CAST(json_merge_patch(row, '{\"extracted_at\": null}') AS VARCHAR))) AS rejected_id,"
            " dataset, key, reason, row, source, CAST(? AS TIMESTAMPTZ) AS rejected_at FROM rejected",
            [now],
        )
        upsert(con, REJECTED_ROWS, "refused")
    return count


def forget_accepted(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Drop refused rows whose key has come in since, seen at least as late: what was wrong has been mended."""
    if not con.execute("SELECT 1 FROM ops.rejected_rows WHERE dataset = ? LIMIT 1", [table.name]).fetchall():
        return
    is_newer = "true"
    if "extracted_at" in table.column_names:
        seen = as_instant("coalesce(refused.row ->> 'extracted_at', refused.row ->> 'updated_at')")
        is_newer = f"coalesce({seen} <= taken.extracted_at, true)"
    con.execute(
        f"DELETE FROM ops.rejected_rows AS refused USING accepted AS taken"
        f" WHERE refused.dataset = ? AND refused.key = {key_text(table, 'taken.')} AND {is_newer}",
        [table.name],
    )


def rejected_rows(con: duckdb.DuckDBPyConnection, dataset: str) -> pl.DataFrame:
    """The refused rows of `dataset`: rejected_id, key, row (JSON text), source."""
    return fetch(
        con,
        "SELECT rejected_id, key, CAST(row AS VARCHAR) AS row, source FROM ops.rejected_rows WHERE dataset = $dataset ORDER BY ALL",
        {"dataset": dataset},
    )


def forget_replayed(con: duckdb.DuckDBPyConnection, rejected_ids: Sequence[str], before: datetime) -> None:
    """Drop refused rows that went through the loader again since: what was refused anew has a row of its own."""
    con.execute(
        "DELETE FROM ops.rejected_rows WHERE list_contains(?, rejected_id) AND rejected_at < ?", [list(rejected_ids), before]
    )
