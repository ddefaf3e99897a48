"""The loader's ledger and watermarks: what has been taken in, and how far each source has been read."""

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import polars as pl

from storage.catalogue import DATASETS, GOVERNANCE, LISTINGS, TABLES, Table
from storage.changes import note_days
from storage.frames import registered
from storage.relations import greatest, has_rows, store
from storage.sql_files import sql_beside
from storage.write import append, remove, upsert

TimeRange = tuple[datetime | None, datetime | None]
COUNTED = {"activity": "reasons IS NULL AND status <> 'running'"}
"""Rows that a file's span is over, where not all that are accepted: an act is read again and again until it has ended, and nothing
that goes by the span counts it before."""


def is_recorded(con: duckdb.DuckDBPyConnection, file: str) -> bool:
    """Whether the landing file `dataset/name` has been dealt with. One back from quarantine, repaired, has not."""
    return has_rows(con, "ops.loads", "file = $file AND status <> 'quarantined'", {"file": file})


def record(
    con: duckdb.DuckDBPyConnection,
    dataset: str,
    file: str,
    now: datetime,
    *,
    status: str = "loaded",
    source: str | None = None,
    rows: int = 0,
    rejected: int = 0,
    skipped: int = 0,
    span: TimeRange = (None, None),
    reason: str | None = None,
    origin: str | None = None,
) -> None:
    """Enter a landing file, once; commits together with its rows."""
    remove(con, "ops.loads", "file = $file AND status = 'quarantined'", {"file": file})
    counts = {"rows": rows, "rejected": rejected, "skipped": skipped}
    said = {"status": status, "source": source, "reason": reason, "origin": origin}
    load = {"file": file, "dataset": dataset, "first_at": span[0], "last_at": span[1], "loaded_at": now, **counts, **said}
    con.execute(sql_beside(__file__, "enter_load"), load)
    note_days(con, "ops.loads", [now.astimezone(UTC).date()])


def file_facts(con: duckdb.DuckDBPyConnection, table: Table) -> dict[str, tuple[int, int, TimeRange]]:
    """By landing file of the relation `checked`: rows, refused rows, and the first and last instant of the others that count."""
    instant = table.time_column or ("updated_at" if "updated_at" in table.column_names else "CAST(NULL AS TIMESTAMPTZ)")
    counted = COUNTED.get(table.name, "reasons IS NULL")
    found = con.execute(
        f"SELECT landed_file, count(*), count(reasons),"
        f" min({instant}) FILTER (WHERE {counted}), max({instant}) FILTER (WHERE {counted})"
        " FROM checked GROUP BY landed_file"
    )
    return {file: (rows, refused, (first, last)) for file, rows, refused, first, last in found.fetchall()}


def note_zero_instants(con: duckdb.DuckDBPyConnection, table: Table, now: datetime) -> dict[str, int]:
    """Enter, by landing file and column of the relation `checked`, the instants that stood for nothing; returns them by column."""
    source = "source" if "source" in table.column_names else "CAST(NULL AS VARCHAR)"
    store(
        con,
        "zeros",
        f"SELECT parse_filename(landed_file) AS file, $dataset AS dataset,"
        f" source, column_name, count(*) AS cells, CAST($now AS TIMESTAMPTZ) AS loaded_at"
        f" FROM (SELECT landed_file, {source} AS source, unnest(emptied) AS column_name FROM checked WHERE emptied IS NOT NULL)"
        " GROUP BY landed_file, source, column_name",
        {"dataset": table.name, "now": now},
    )
    append(con, TABLES["ops.zero_instants"], "zeros")
    cells = con.execute(sql_beside(__file__, "zeros_by_column")).fetchall()
    return {f"{table.name}.{column}": count for column, count in cells}


@dataclass(frozen=True)
class Mark:
    """How far a dataset of a source has been read.

    Attributes:
        watermark: everything that changed before it has been read, once `read_until` is None; of a listing, when it was read.
        read_until: the first extraction goes on, and has read everything that changed before this.
    """

    watermark: datetime
    read_until: datetime | None = None


def move_watermark(
    con: duckdb.DuckDBPyConnection, dataset: str, source: str, watermark: datetime, read_until: datetime | None, now: datetime
) -> None:
    """Enter how far a dataset of a source has been read; commits together with the rows."""
    moved = pl.DataFrame(
        {"dataset": [dataset], "source": [source], "watermark": [watermark], "read_until": [read_until], "updated_at": [now]},
        schema_overrides={"read_until": pl.Datetime("us", "UTC")},
    )
    with registered(con, "moved", moved):
        upsert(con, TABLES["ops.watermarks"], "moved")


def open_keys(con: duckdb.DuckDBPyConnection, dataset: str, source: str, statuses: tuple[str, ...], most: int) -> list[str]:
    """Keys of the rows of `source` that were open when last read, the latest first; they are read again until they close."""
    table = DATASETS[dataset]
    found = con.execute(
        f"SELECT {table.key[0]} FROM {table.full_name} WHERE source = ? AND list_contains(?, status) AND NOT is_deleted"
        f" ORDER BY updated_at DESC, {table.key[0]} LIMIT ?",
        [source, list(statuses), most],
    )
    return [row[0] for row in found.fetchall()]


def last_seen(con: duckdb.DuckDBPyConnection, source: str) -> datetime | None:
    """When `source` was last looked at, as far as rows say so, or a listing that may have had none."""
    is_its, is_listing = "source = $source", "source = $source AND list_contains($listings, dataset)"
    looks = [greatest(con, f"raw.{name}", "extracted_at", is_its, {"source": source}) for name in GOVERNANCE]
    looks.append(greatest(con, "ops.watermarks", "watermark", is_listing, {"source": source, "listings": list(LISTINGS)}))
    return max((look for look in looks if look is not None), default=None)


def rejected_keys(con: duckdb.DuckDBPyConnection, dataset: str, source: str, most: int) -> list[str]:
    """Keys of refused rows of `source`, the latest first; they are read again, for the day that somebody mends what is wrong."""
    found = con.execute(sql_beside(__file__, "rejected_keys"), {"dataset": dataset, "source": source, "most": most})
    return [row[0] for row in found.fetchall()]


def watermarks(con: duckdb.DuckDBPyConnection, source: str) -> dict[str, Mark]:
    """How far each dataset of `source` has been extracted."""
    found = con.execute(sql_beside(__file__, "watermarks"), {"source": source}).fetchall()
    return {dataset: Mark(watermark, read_until) for dataset, watermark, read_until in found}


def uncovered_since(con: duckdb.DuckDBPyConnection, insight: str, dataset: str) -> datetime | None:
    """The earliest instant of the rows of `dataset` that `insight` does not show yet; None when it shows all."""
    found = con.execute(sql_beside(__file__, "uncovered_since"), {"dataset": dataset, "insight": insight})
    earliest: datetime | None = found.fetchall()[0][0]
    return earliest
