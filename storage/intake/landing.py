"""The landing zone: immutable Parquet files that collectors write and only the loader takes away.

A file is written under a temporary name, fsynced, renamed, and its folder fsynced. So a file that has its final name is
whole and survives `kill -9`; writers never wait for the warehouse. Read: `landing/<dataset>/*.parquet`.
"""

import fcntl
import os
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import polars as pl

from storage.access import FOLDER, owner_only
from storage.durable import sync_folder
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.intake.landing_names import CHECKSUM, checksum
from storage.room import is_about_room, remedy, with_reserve

if TYPE_CHECKING:  # a collector lands frames, and is spared the start of a library that it does not use
    import pyarrow as pa

ORPHAN_AGE_SECONDS = 3600.0
ROW_GROUP_ROWS = 122_880
"""DuckDB's row group. Rows that come in whole ones are written once, others again at the next checkpoint."""
COMPRESSION: Literal["lz4"] = "lz4"
"""A file lives for minutes: what is quick to write and to read counts for more than a third of its size."""


def land(
    home: Home, dataset: str, rows: "pl.DataFrame | pa.Table", *, name: str | None = None, metadata: Mapping[str, str] | None = None
) -> Path:
    """Write `rows` durably as one landing file of `dataset` and return its path.

    Args:
        name: the file's stem; by default unique, and sorted by the time of writing. The ledger knows a file by it.
        metadata: what the loader commits together with the rows (`source`, `watermark`), in the Parquet footer.

    Raises:
        GovpulseError: the disk is full, read-only, or the folder cannot be made.
    """
    folder = home.landing / dataset
    return with_reserve(home, lambda: _land(folder, dataset, rows, name, dict(metadata or {})))


def _land(folder: Path, dataset: str, rows: "pl.DataFrame | pa.Table", name: str | None, metadata: dict[str, str]) -> Path:
    stem = name or f"{time.time_ns():020d}-{uuid.uuid4().hex[:12]}"
    temporary = folder / f".{stem}.{os.getpid()}.tmp"
    try:
        folder.mkdir(FOLDER, parents=True, exist_ok=True)
        _write_durably(rows, temporary, metadata)
        target = folder / f"{stem}{CHECKSUM}{checksum(temporary)}.parquet"
        os.replace(temporary, target)
        sync_folder(folder)
    except (OSError, pl.exceptions.PolarsError) as error:
        with suppress(OSError):
            temporary.unlink()
        what_to_do = remedy(folder) if is_about_room(error) else "free or remount the disk"
        raise GovpulseError(f"cannot land {dataset} in {folder}: {_explain(error)}; {what_to_do}") from error
    return target


def _explain(error: Exception) -> str:
    """Polars reports a full disk as an error of its own, in several lines at times."""
    return (error.strerror if isinstance(error, OSError) else None) or first_line(error)


def _write_durably(rows: "pl.DataFrame | pa.Table", path: Path, metadata: dict[str, str]) -> None:
    with open(path, "wb", opener=owner_only) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # while it is held, nobody takes the file for left behind, whatever the clock says
        if isinstance(rows, pl.DataFrame):
            rows.write_parquet(file, compression=COMPRESSION, metadata=metadata)
        else:
            _write_arrow(rows, file, metadata)
        file.flush()
        os.fsync(file.fileno())


def _write_arrow(rows: "pa.Table", file: BinaryIO, metadata: dict[str, str]) -> None:
    import pyarrow.parquet as pq

    pq.write_table(rows.replace_schema_metadata(metadata), file, compression=COMPRESSION, use_dictionary=False)


def pending(home: Home, dataset: str) -> list[Path]:
    """The landing files of `dataset`, oldest name first."""
    return sorted((home.landing / dataset).glob("*.parquet"))


def backlog(home: Home) -> int:
    """How many landing files wait for the loader, of the dataset that has most."""
    return max((len(list(folder.glob("*.parquet"))) for folder in home.landing.glob("*/")), default=0)


def sweep_orphans(home: Home, now_seconds: float) -> int:
    """Delete temporary files that a killed writer left behind over an hour ago; returns how many. A writer that is alive has not
    taken an hour: the clock has leapt."""
    swept = 0
    for path in home.landing.glob("*/.*.tmp"):
        with suppress(FileNotFoundError):  # a living writer has just given it its final name
            if now_seconds - path.stat().st_mtime > ORPHAN_AGE_SECONDS and not _is_being_written(path):
                path.unlink()
                swept += 1
    return swept


def _is_being_written(path: Path) -> bool:
    """Whether its writer is alive, who holds a lock on it."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
