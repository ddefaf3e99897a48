"""What the warehouse has of a source, compared with a listing of the source's keys and change instants."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from storage.catalogue import DATASETS, Table
from storage.forgetting import IS_KNOWN
from storage.warehouse import quote_text


@dataclass(frozen=True)
class Comparison:
    """How a dataset differs from its source.

    Attributes:
        missing: keys that the warehouse lacks, though extraction has passed their change.
        stale: keys whose change instant is another one in the warehouse.
        deleted: rows of the warehouse that the source no longer has, in the contract's shape and marked `is_deleted`.
    """

    source_rows: int
    raw_rows: int
    missing: tuple[str, ...]
    stale: tuple[str, ...]
    deleted: pa.Table


def _is_forgotten(table: Table) -> str:
    """Who was forgotten is not missing."""
    is_user = any(column.is_user_id and column.name == table.key[0] for column in table.columns)
    return IS_KNOWN.format(id="key") if is_user else "false"


def compare(
    con: duckdb.DuckDBPyConnection, dataset: str, source: str, listing: Path, read_until: datetime, listed_at: datetime
) -> Comparison:
    """Compare `raw.<dataset>` with `listing`, a Parquet file of `key` and `updated_at`.

    Args:
        read_until: what changed at or after this need not have been read yet.
        listed_at: rows that were extracted after this are newer than the listing.
    """
    table, key = DATASETS[dataset], DATASETS[dataset].key[0]
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE differing AS
        WITH theirs AS (
            SELECT key, max(TRY_CAST(updated_at AS TIMESTAMPTZ)) AS updated_at
            FROM read_parquet({quote_text(str(listing))}) WHERE key IS NOT NULL AND NOT {_is_forgotten(table)} GROUP BY key
        ),
        ours AS (
            SELECT {key} AS key, updated_at FROM {table.full_name}
            WHERE source = $source AND NOT is_deleted AND extracted_at < $listed_at
        ),
        newer AS (SELECT {key} AS key FROM {table.full_name} WHERE source = $source AND extracted_at >= $listed_at),
        refused AS (SELECT DISTINCT key FROM ops.rejected_rows WHERE dataset = $dataset AND source = $source)
        SELECT
            coalesce(theirs.key, ours.key) AS key,
            CASE WHEN ours.key IS NULL THEN 'missing' WHEN theirs.key IS NULL THEN 'deleted' ELSE 'stale' END AS difference
        FROM theirs FULL JOIN ours ON theirs.key = ours.key
        WHERE
            theirs.key IS NULL
            OR (
                theirs.updated_at < $read_until AND theirs.updated_at IS DISTINCT FROM ours.updated_at
                AND theirs.key NOT IN (SELECT key FROM refused WHERE key IS NOT NULL)
                AND theirs.key NOT IN (SELECT key FROM newer)
            )
        """,
        {"source": source, "dataset": dataset, "read_until": read_until, "listed_at": listed_at},
    )
    rows = con.execute(f"SELECT count(*) FROM {table.full_name} WHERE source = ? AND NOT is_deleted", [source]).fetchall()[0][0]
    listed = con.sql(f"SELECT count(DISTINCT key) FROM read_parquet({quote_text(str(listing))})").fetchall()[0][0]
    found = con.sql("SELECT key, difference FROM differing WHERE difference <> 'deleted' ORDER BY key").fetchall()
    names = ", ".join(name for name in table.column_names if name not in ("source", "extracted_at", "is_deleted"))
    deleted = con.sql(
        f"SELECT {names}, true AS is_deleted FROM {table.full_name} AS ours SEMI JOIN differing"
        f" ON ours.{key} = differing.key AND differing.difference = 'deleted'"
    ).to_arrow_table()
    con.execute("DROP TABLE differing")
    return Comparison(
        listed,
        rows,
        tuple(key for key, difference in found if difference == "missing"),
        tuple(key for key, difference in found if difference == "stale"),
        deleted,
    )
