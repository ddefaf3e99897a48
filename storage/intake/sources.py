"""The sources whose rows are in the warehouse, and one that goes on under another name."""

from datetime import datetime

import duckdb
import polars as pl

from storage.audit import record_action
from storage.catalogue import DATASETS, GOVERNANCE
from storage.counting import counted
from storage.errors import GovpulseError
from storage.frames import fetch
from storage.intake.sample_rows import SAMPLE
from storage.journal.noting import note_act
from storage.relations import count_rows, drop, store
from storage.sql_files import sql_beside
from storage.transaction import transaction
from storage.write import remove, update, upsert

KNOWN = " UNION ALL ".join(
    f"SELECT source, '{dataset}' AS dataset, count(*) AS rows, max(extracted_at) AS last_seen_at"
    f" FROM raw.{dataset} WHERE NOT is_deleted GROUP BY source"
    for dataset in GOVERNANCE
)
BOOKS = ("ops.rejected_rows", "ops.loads", "ops.zero_instants", "ops.reconciliations")


def known_sources(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """A row a source: source, rows (count), last_seen_at, the latest seen first."""
    return fetch(
        con,
        f"SELECT source, CAST(sum(rows) AS BIGINT) AS rows, max(last_seen_at) AS last_seen_at FROM ({KNOWN})"
        " GROUP BY source ORDER BY last_seen_at DESC NULLS LAST, source",
        {},
    )


def sources_left(con: duckdb.DuckDBPyConnection, current: str) -> list[str]:
    """Databases that were read once and are not `current`: their rows count beside those of it."""
    found = con.execute(sql_beside(__file__, "sources_left"), {"current": current, "sample": SAMPLE}).fetchall()
    return [name for (name,) in found]


def rename_source(con: duckdb.DuckDBPyConnection, old: str, new: str, actor: str, now: datetime) -> int:
    """Let the rows of `old` go on as those of `new`, as when a database has moved; returns how many there were.

    Of a row that both have the newest stays. How far each dataset has been read stays as it is for `new` where that was read.

    Raises:
        GovpulseError: there is no such source, or one of the names is not for databases.
    """
    if old == new or SAMPLE in (old, new):
        raise GovpulseError(f"cannot rename {old} to {new}: the sample keeps its name, and the two names must differ")
    with transaction(con):
        rows = sum(_rename_rows(con, dataset, old, new) for dataset in GOVERNANCE)
        marks = count_rows(con, "ops.watermarks", "source = $old", {"old": old})
        if not rows and not marks:
            raise GovpulseError(f"no source {old} has any rows; `govpulse sources list` shows the sources")
        is_read = "source = $old AND dataset IN (SELECT dataset FROM ops.watermarks WHERE source = $new)"
        remove(con, "ops.watermarks", is_read, {"old": old, "new": new})
        for book in ("ops.watermarks", *BOOKS):
            update(con, book, {"source": new}, "source = $old", {"old": old})
        note_act(con, "rename_source", old=old, new=new, actor=actor, at=now)
        record_action(con, "rename_source", f"{old} to {new}: {counted(rows, 'row')}", actor, now)
    return rows


def _rename_rows(con: duckdb.DuckDBPyConnection, dataset: str, old: str, new: str) -> int:
    table = DATASETS[dataset]
    store(con, "renamed", f"SELECT * REPLACE ($new AS source) FROM {table.full_name} WHERE source = $old", {"new": new, "old": old})
    rows = count_rows(con, "renamed")
    if rows:
        remove(con, table.full_name, "source = $old", {"old": old})
        upsert(con, table, "renamed")
    drop(con, "TABLE", "renamed")
    return rows
