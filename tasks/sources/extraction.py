"""One dataset of the source -> landing files. Reads the source, writes `landing/<dataset>/`; never opens the warehouse.

The last file of an extraction carries the new watermark, so it moves only when everything before it has been loaded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.errors import GovpulseError
from storage.home import Home
from storage.landing import land
from tasks.sources.mapping import load_mapping
from tasks.sources.progress import Progress
from tasks.sources.request import Reader, Request
from tasks.sources.sqlite import read_sqlite

READERS: dict[str, Reader] = {"sqlite": read_sqlite}
FILE_ROWS = 131_072


@dataclass(frozen=True)
class ExtractResult:
    """What one extraction brought: rows, landing files, and the watermark that they carry."""

    dataset: str
    rows: int
    files: int
    watermark: datetime | None

    def __str__(self) -> str:
        return f"{self.rows:,} rows"


def land_batches(
    home: Home, dataset: str, source: str, batches: Iterator[pl.DataFrame], extracted_at: datetime, watermark: datetime | None
) -> ExtractResult:
    """Land `batches` in files of about 131 thousand rows, the last one with the greater of `watermark` and what the rows say."""
    rows = files = 0
    held: pl.DataFrame | None = None
    for frame in _regroup(batches):
        if held is not None:
            land(home, dataset, held, metadata={"source": source})
        held = frame.with_columns(pl.lit(extracted_at).alias("extracted_at"))
        rows, files = rows + frame.height, files + 1
        watermark = _advance(watermark, frame, extracted_at)
    if held is not None:
        metadata = {"source": source} | ({"watermark": watermark.isoformat()} if watermark else {})
        land(home, dataset, held, metadata=metadata)
    return ExtractResult(dataset, rows, files, watermark)


def _regroup(batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    group: list[pl.DataFrame] = []
    for batch in batches:
        group.append(batch)
        if sum(frame.height for frame in group) >= FILE_ROWS:
            yield pl.concat(group)
            group = []
    if group:
        yield pl.concat(group)


def _advance(watermark: datetime | None, frame: pl.DataFrame, extracted_at: datetime) -> datetime | None:
    """The newest change seen, but never later than the extraction: a source clock that runs ahead must not hide rows."""
    newest = frame["updated_at"].str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_zone="UTC", strict=False).max()
    seen = [instant for instant in (watermark, newest) if isinstance(instant, datetime)]
    return min(max(seen), extracted_at) if seen else None


@task(name="extract_dataset", task_run_name="extract {dataset}", cache_policy=NO_CACHE)
def extract_dataset(
    home: str,
    *,
    kind: str,
    url: str,
    mapping: str,
    server_zone: str,
    source: str,
    dataset: str,
    progress: Progress,
    overlap_seconds: float,
    extracted_at: datetime,
) -> ExtractResult | None:
    """Read what changed in `dataset` since `progress` and land it; None where the mapping does not offer the dataset.

    Raises:
        GovpulseError: the source cannot be read, or the mapping does not fit it.
    """
    if kind not in READERS:
        raise GovpulseError(f"no reader for sources of kind {kind}; there are {', '.join(READERS)}")
    selects = load_mapping(mapping, kind, server_zone)
    if dataset not in selects.selects:
        return None
    since = progress.watermark - timedelta(seconds=overlap_seconds) if progress.watermark else None
    request = Request(url, selects, dataset, since, progress.open_keys)
    return land_batches(Home(Path(home)), dataset, source, READERS[kind](request), extracted_at, progress.watermark)
