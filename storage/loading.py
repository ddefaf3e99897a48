"""The loader: the only way from the landing zone into the warehouse.

One transaction a file holds its rows, its refused rows, its line in the ledger `ops.loads` and its watermark; then the file goes.
Killed in between, the next loader finds the file in the ledger and only deletes it. A file that cannot be read moves to quarantine.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from storage.catalogue import GOVERNANCE, LANDED, TABLES, Table
from storage.contract import check_rows
from storage.errors import GovpulseError, first_line
from storage.frames import registered
from storage.home import Home
from storage.landed_file import LandedFile, ledger_name, read_landed
from storage.landing import pending, sync_folder
from storage.ledger import Span, is_recorded, record
from storage.sample_rows import make_room
from storage.transaction import transaction
from storage.write import upsert

REJECTED_ROWS = TABLES["ops.rejected_rows"]


@dataclass(frozen=True)
class LoadResult:
    """What a pass of the loader did: files, rows read, rows refused, and the lines of what went wrong."""

    files: int = 0
    rows: int = 0
    rejected: int = 0
    quarantined: tuple[str, ...] = ()
    displaced: int = 0

    def __str__(self) -> str:
        rows, files = (f"{count:,} {noun}{'s' * (count != 1)}" for count, noun in ((self.rows, "row"), (self.files, "file")))
        parts = [f"{rows} from {files}", f"{self.rejected:,} rejected"]
        parts += [f"{len(self.quarantined)} unreadable"] if self.quarantined else []
        parts += [f"{self.displaced:,} sample rows left out beside real ones"] if self.displaced else []
        return ", ".join(parts)

    def __add__(self, other: "LoadResult") -> "LoadResult":
        return LoadResult(
            self.files + other.files,
            self.rows + other.rows,
            self.rejected + other.rejected,
            self.quarantined + other.quarantined,
            self.displaced + other.displaced,
        )


def load_landing(con: duckdb.DuckDBPyConnection, home: Home) -> LoadResult:
    """Load every pending landing file of every dataset; returns what was done."""
    return sum((load_dataset(con, home, dataset) for dataset in LANDED), LoadResult())


def load_dataset(con: duckdb.DuckDBPyConnection, home: Home, dataset: str) -> LoadResult:
    """Load every pending landing file of one dataset, oldest first."""
    files = pending(home, dataset)
    return sum((_load_file(con, home, LANDED[dataset], path) for path in files), LoadResult())


def _load_file(con: duckdb.DuckDBPyConnection, home: Home, table: Table, path: Path) -> LoadResult:
    if is_recorded(con, ledger_name(path)):
        path.unlink(missing_ok=True)
        return LoadResult()
    now = datetime.now(UTC)
    try:
        landed = read_landed(table, path)
        _check(con, landed, now)
    except GovpulseError as error:
        return _quarantine(con, home, table, path, str(error))
    result = _commit(con, landed, now)
    path.unlink(missing_ok=True)
    return result


def _check(con: duckdb.DuckDBPyConnection, landed: LandedFile, now: datetime) -> None:
    """Split the rows into `accepted` and `rejected`.

    Raises:
        GovpulseError: the file has columns that DuckDB cannot take in; one such file must not stop the others.
    """
    try:
        with registered(con, "landed_rows", landed.with_source()):
            check_rows(con, landed.table, "landed_rows", now)
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError, ValueError, NotImplementedError) as error:
        raise GovpulseError(f"{landed.path.name} cannot be checked: {first_line(error)}") from error


def _commit(con: duckdb.DuckDBPyConnection, landed: LandedFile, now: datetime) -> LoadResult:
    with transaction(con):
        return _write(con, landed, now)


def _write(con: duckdb.DuckDBPyConnection, landed: LandedFile, now: datetime) -> LoadResult:
    if landed.table.name in GOVERNANCE and not make_room(con, landed.source):
        record(con, landed.table.name, landed.ledger_name, now, status="displaced", source=landed.source, rows=landed.frame.height)
        return LoadResult(files=1, displaced=landed.frame.height)
    upsert(con, landed.table, "accepted")
    rejected = _keep_rejected(con, now)
    record(
        con,
        landed.table.name,
        landed.ledger_name,
        now,
        source=landed.source,
        rows=landed.frame.height,
        rejected=rejected,
        span=_span(con, landed.table),
    )
    if landed.watermark:
        _move_watermark(con, landed, now)
    return LoadResult(files=1, rows=landed.frame.height, rejected=rejected)


def _keep_rejected(con: duckdb.DuckDBPyConnection, now: datetime) -> int:
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


def _span(con: duckdb.DuckDBPyConnection, table: Table) -> Span:
    instant = table.time_column or ("updated_at" if "updated_at" in table.column_names else None)
    if instant is None:
        return None, None
    first, last = con.sql(f"SELECT min({instant}), max({instant}) FROM accepted").fetchall()[0]
    return first, last


def _move_watermark(con: duckdb.DuckDBPyConnection, landed: LandedFile, now: datetime) -> None:
    moved = pl.DataFrame(
        {"dataset": [landed.table.name], "source": [landed.source], "watermark": [landed.watermark], "updated_at": [now]}
    )
    with registered(con, "moved", moved):
        upsert(con, TABLES["ops.watermarks"], "moved")


def _quarantine(con: duckdb.DuckDBPyConnection, home: Home, table: Table, path: Path, reason: str) -> LoadResult:
    """Set the file aside, then say so in the ledger: after a crash in between it lies in quarantine, never nowhere."""
    folder = home.quarantine / table.name
    folder.mkdir(parents=True, exist_ok=True)
    os.replace(path, folder / path.name)
    sync_folder(folder)
    record(con, table.name, ledger_name(path), datetime.now(UTC), status="quarantined", reason=reason)
    return LoadResult(files=1, quarantined=(f"{reason}; set aside in {folder}",))
