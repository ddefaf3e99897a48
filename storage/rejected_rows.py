"""The rows that the contract refused: kept whole with their reasons until a later one with their key is accepted."""

from datetime import datetime

import duckdb

from storage.catalogue import TABLES, Table
from storage.contract import key_text
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
    """Drop refused rows whose key has come in since, with a state at least as new: what was wrong has been mended."""
    if not con.execute("SELECT 1 FROM ops.rejected_rows WHERE dataset = ? LIMIT 1", [table.name]).fetchall():
        return
    is_newer = "true"
    if "updated_at" in table.column_names:
        is_newer = "coalesce(TRY_CAST(refused.row ->> 'updated_at' AS TIMESTAMPTZ) <= taken.updated_at, true)"
    con.execute(
        f"DELETE FROM ops.rejected_rows AS refused USING accepted AS taken"
        f" WHERE refused.dataset = ? AND refused.key = {key_text(table, 'taken.')} AND {is_newer}",
        [table.name],
    )
