"""What the warehouse has of a source, compared with a listing of the source's keys and change instants."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from storage.catalogue import DATASETS, Column, Table
from storage.people.forgetting import IS_KNOWN
from storage.people.mentions import change_values, known_people, with_others
from storage.quoting import quote_text
from storage.relations import count_rows, drop, has_rows, store
from storage.sql_files import sql_beside

KEY = Column("key", "VARCHAR", "a key of the listing")


@dataclass(frozen=True)
class Comparison:
    """How a dataset differs from its source.

    Attributes:
        missing: keys that the warehouse lacks, though extraction has passed their change.
        stale: keys whose change instant is another one in the warehouse.
        outdated: keys of which the warehouse has an older state, because the newest was refused.
        deleted: rows of the warehouse that the source no longer has, in the contract's shape and marked `is_deleted`.
        renamed: by the warehouse's key the source's own, where somebody who was forgotten has a stand-in in it.
    """

    source_rows: int
    raw_rows: int
    missing: tuple[str, ...]
    stale: tuple[str, ...]
    outdated: tuple[str, ...]
    deleted: pa.Table
    renamed: dict[str, str] = field(default_factory=dict)


def _is_forgotten(table: Table) -> str:
    """Who was forgotten is not missing."""
    is_user = any(column.is_user_id and column.name == table.key[0] for column in table.columns)
    return IS_KNOWN.format(id="key") if is_user else "false"


def _first_instant(table: Table) -> str:
    instants = [column.name for column in table.columns if column.type == "TIMESTAMPTZ" and column.name != "extracted_at"]
    return f"least({', '.join(instants)})"


def _list_keys(con: duckdb.DuckDBPyConnection, listing: Path) -> None:
    """The relation `listed`: keys as the warehouse has them, beside the source's own. A copy only where they may differ."""
    drop(con, "VIEW", "listed")
    drop(con, "TABLE", "listed_keys")
    listed = f"read_parquet({quote_text(str(listing))}) WHERE key IS NOT NULL"
    source_key = "key AS source_key"
    if has_rows(con, "ops.forgotten", "is_hashed"):
        store(con, "listed_keys", f"SELECT key, {source_key}, updated_at FROM {listed}")
        for person in known_people(con, [("listed_keys", KEY, False)]):
            change_values(con, "listed_keys", KEY, person.user_id, with_others(con, person).without_part)
        listed, source_key = "listed_keys", "source_key"
    changed = "TRY_CAST(updated_at AS TIMESTAMPTZ) AS updated_at"
    con.execute(f"CREATE TEMP VIEW listed AS SELECT key, {source_key}, {changed} FROM {listed}")


def compare(
    con: duckdb.DuckDBPyConnection,
    dataset: str,
    source: str,
    listing: Path,
    read_until: datetime,
    listed_at: datetime,
    kept_since: datetime | None = None,
) -> Comparison:
    """Compare `raw.<dataset>` with `listing`, a Parquet file of `key` and `updated_at`.

    Args:
        read_until: what changed at or after this need not have been read yet.
        listed_at: rows that were extracted after this are newer than the listing.
        kept_since: what began before this may have left the source by its age, which is no deletion.
    """
    table, key = DATASETS[dataset], DATASETS[dataset].key[0]
    is_kept = f"coalesce({_first_instant(table)} >= $kept_since, true)" if kept_since else "true"
    since = {"kept_since": kept_since} if kept_since else {}
    _list_keys(con, listing)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE differing AS
        WITH theirs AS (
            SELECT key, any_value(source_key) AS source_key, max(updated_at) AS updated_at
            FROM listed WHERE NOT {_is_forgotten(table)} GROUP BY key
        ),
        ours AS (
            SELECT {key} AS key, updated_at, {is_kept} AS is_kept FROM {table.full_name}
            WHERE source = $source AND NOT is_deleted AND extracted_at < $listed_at
        ),
        newer AS (SELECT {key} AS key FROM {table.full_name} WHERE source = $source AND extracted_at >= $listed_at),
        refused AS (SELECT DISTINCT key FROM ops.rejected_rows WHERE dataset = $dataset AND source = $source)
        SELECT
            coalesce(theirs.key, ours.key) AS key, coalesce(theirs.source_key, ours.key) AS source_key,
            CASE
                WHEN ours.key IS NULL THEN 'missing'
                WHEN theirs.key IS NULL THEN 'deleted'
                WHEN refused.key IS NOT NULL THEN 'outdated'
                ELSE 'stale'
            END AS difference
        FROM theirs FULL JOIN ours ON theirs.key = ours.key LEFT JOIN refused ON theirs.key = refused.key
        WHERE
            (theirs.key IS NULL AND ours.is_kept)
            OR (
                theirs.updated_at IS DISTINCT FROM ours.updated_at
                AND CASE
                    WHEN refused.key IS NOT NULL THEN ours.key IS NOT NULL
                    ELSE theirs.updated_at < $read_until AND theirs.key NOT IN (SELECT key FROM newer)
                END
            )
        """,
        {"source": source, "dataset": dataset, "read_until": read_until, "listed_at": listed_at, **since},
    )
    rows = count_rows(con, table.full_name, f"source = $source AND NOT is_deleted AND {is_kept}", {"source": source, **since})
    listed = con.execute(sql_beside(__file__, "listed_rows")).fetchall()[0][0]
    renamed = dict(con.execute(sql_beside(__file__, "renamed_keys")).fetchall())
    found = con.execute(sql_beside(__file__, "differing_keys")).fetchall()
    names = ", ".join(name for name in table.column_names if name not in ("source", "extracted_at", "is_deleted"))
    deleted = con.sql(
        f"SELECT {names}, true AS is_deleted FROM {table.full_name} AS ours SEMI JOIN differing"
        f" ON ours.{key} = differing.key AND differing.difference = 'deleted'"
    ).to_arrow_table()
    drop(con, "TABLE", "differing")
    drop(con, "VIEW", "listed")
    drop(con, "TABLE", "listed_keys")
    return Comparison(
        listed,
        rows,
        tuple(key for key, difference in found if difference == "missing"),
        tuple(key for key, difference in found if difference == "stale"),
        tuple(key for key, difference in found if difference == "outdated"),
        deleted,
        renamed,
    )
