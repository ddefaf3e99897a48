"""All datasets of a source -> landing files. Reads the source, writes `landing/<dataset>/`; never opens the warehouse.

The last file of what was read carries the new watermark, so it moves only when everything before it has been loaded. While a first
extraction goes on, the last file of each slice says how far that has come. A listing is read whole; its watermark says when.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.catalogue import LISTINGS
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.ledger import Mark
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Session, Span
from tasks.sources.landing_stream import LandingStream
from tasks.sources.pace import OnPace, Pacer
from tasks.sources.progress import Progress, SourceProgress
from tasks.sources.slices import cut
from tasks.wording import counted


@dataclass(frozen=True)
class ExtractResult:
    """What one extraction of a dataset brought: rows, landing files, and how far it came."""

    dataset: str
    rows: int
    files: int
    mark: Mark | None

    def __str__(self) -> str:
        return counted(self.rows, "row")


@dataclass(frozen=True)
class Extraction:
    """What one look at a source brought.

    Attributes:
        failures: by dataset, why it could not be read.
        said: what there is to say of how far the look saw everything.
    """

    results: tuple[ExtractResult, ...]
    failures: dict[str, str]
    said: str | None = None

    def __str__(self) -> str:
        rows = ", ".join(f"{result.dataset} {result.rows:,}" for result in self.results) or "nothing"
        return rows + (f"; {self.said}" if self.said else "")


def read_first(session: Session, landing: LandingStream, mark: Mark | None, report: OnPace) -> Mark | None:
    """Read everything, or what an interrupted first extraction left, slice by slice; returns how far that came.

    The watermark is where the first look stood: what changes while the slices are read is read again after it.
    """
    start = mark.read_until if mark else None
    days = session.count_days(landing.dataset, start)
    newest = max((day.newest for day in days), default=landing.extracted_at)
    watermark = mark.watermark if mark else min(newest, session.horizon.instant or landing.extracted_at)
    pacer = Pacer(landing.dataset, sum(day.rows for day in days), report)
    for span in cut(days, start):
        landing.put(session.read_changed(landing.dataset, span), partial(Mark, watermark, span.end), pacer.add)
    return Mark(watermark) if landing.rows else None


def read_since(session: Session, landing: LandingStream, progress: Progress, overlap: timedelta, report: OnPace) -> Mark:
    """Read what changed since the last time, and the rows that were open whatever their instant; returns how far that came.

    The watermark never passes the horizon, nor the newest change seen: where rows are stamped by a clock that runs behind the
    database's, those that come must not be lost.
    """
    mark = progress.mark
    assert mark is not None

    def moved() -> Mark:
        until = session.horizon.instant or landing.extracted_at
        return Mark(max(mark.watermark, min(until, landing.newest or mark.watermark)))

    pacer = Pacer(landing.dataset, None, report)
    landing.put(session.read_keys(landing.dataset, progress.keys), lambda: None, pacer.add)
    landing.put(session.read_changed(landing.dataset, Span(mark.watermark - overlap)), moved, pacer.add)
    return moved()


def read_listing(session: Session, landing: LandingStream, report: OnPace) -> Mark:
    """Read every row: what is not among them is gone."""
    return landing.put_listing(session.read_all(landing.dataset), Pacer(landing.dataset, None, report).add)


def extract_dataset(
    session: Session, landing: LandingStream, progress: Progress, overlap: timedelta, report: OnPace
) -> ExtractResult:
    """Land what one dataset has that is not known yet.

    Raises:
        GovpulseError: the source cannot be read, or the mapping does not fit it.
    """
    session.check(landing.dataset)
    mark = progress.mark
    reached: Mark | None
    if landing.dataset in LISTINGS:
        reached = read_listing(session, landing, report)
    elif mark is None or mark.read_until is not None:
        reached = read_first(session, landing, mark, report)
    else:
        reached = read_since(session, landing, progress, overlap, report)
    return ExtractResult(landing.dataset, landing.rows, landing.files, reached)


@task(name="extract_datasets", cache_policy=NO_CACHE)
def extract_datasets(
    home: str, *, source: Source, so_far: SourceProgress, overlap_seconds: float, extracted_at: datetime, report: OnPace
) -> Extraction:
    """Read what changed in every dataset that the mapping offers, all as of one snapshot, and land it.

    A dataset that cannot be read is a failure of its own; the others go on.

    Raises:
        GovpulseError: the source cannot be opened.
    """
    results, failures, seen_at = [], {}, so_far.seen_at(extracted_at)
    until = time.monotonic() + source.time_limit_seconds
    with open_session(source) as session:
        for dataset in session.datasets:
            try:
                with LandingStream(Home(Path(home)), dataset, source.name, seen_at, source.pseudonyms, until) as landing:
                    progress = so_far.datasets.get(dataset, Progress())
                    results.append(extract_dataset(session, landing, progress, timedelta(seconds=overlap_seconds), report))
            except GovpulseError as error:
                failures[dataset] = str(error)
        return Extraction(tuple(results), failures, session.horizon.said)
