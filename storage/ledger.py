"""The loader's ledger and watermarks: what has been taken in, and how far each source has been read."""

from datetime import datetime
from pathlib import Path

import duckdb

from storage.catalogue import DATASETS

UNCOVERED_SINCE = Path(__file__).with_name("uncovered_since.sql")
Span = tuple[datetime | None, datetime | None]


def is_recorded(con: duckdb.DuckDBPyConnection, file: str) -> bool:
    """Whether the landing file `dataset/name` has been dealt with. One back from quarantine, repaired, has not."""
    found = con.execute("SELECT 1 FROM ops.loads WHERE file = ? AND status <> 'quarantined'", [file])
    return bool(found.fetchall())  # to the end: DuckDB 2 keeps the connection to an unfinished result


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
    span: Span = (None, None),
    reason: str | None = None,
) -> None:
    """Enter a landing file, once; commits together with its rows."""
    con.execute("DELETE FROM ops.loads WHERE file = ? AND status = 'quarantined'", [file])
    con.execute(
        "INSERT INTO ops.loads (file, dataset, status, rows, rejected, first_at, last_at, source, reason, loaded_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [file, dataset, status, rows, rejected, *span, source, reason, now],
    )


def open_keys(con: duckdb.DuckDBPyConnection, dataset: str, source: str, statuses: tuple[str, ...]) -> list[str]:
    """Keys of the rows of `source` that were not finished when last read; they are read again until they close."""
    table = DATASETS[dataset]
    found = con.execute(
        f"SELECT {table.key[0]} FROM {table.full_name} WHERE source = ? AND list_contains(?, status) ORDER BY 1",
        [source, list(statuses)],
    )
    return [row[0] for row in found.fetchall()]


def watermarks(con: duckdb.DuckDBPyConnection, source: str) -> dict[str, datetime]:
    """How far each dataset of `source` has been extracted."""
    return dict(con.execute("SELECT dataset, watermark FROM ops.watermarks WHERE source = ?", [source]).fetchall())


def uncovered_since(con: duckdb.DuckDBPyConnection, insight: str, dataset: str) -> datetime | None:
    """The earliest instant of the rows of `dataset` that `insight` does not show yet; None when it shows all."""
    found = con.execute(UNCOVERED_SINCE.read_text(), {"dataset": dataset, "insight": insight})
    earliest: datetime | None = found.fetchall()[0][0]
    return earliest
