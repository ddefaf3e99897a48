"""How far each dataset has been read, from the warehouse's books, for the extraction that follows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.catalogue import GOVERNANCE, LISTINGS
from storage.home import Home
from storage.intake.ledger import Mark, last_seen, open_keys, rejected_keys, watermarks
from storage.intake.sources import sources_left
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.address import Address

OPEN_STATUSES = {"scans": ("queued", "running"), "deployments": ("pending", "running"), "activity": ("running",)}
"""The statuses that a row still leaves; a user has none."""

MOST_OPEN = 1_000
"""Open rows that each extraction reads again, the latest first; reconciling, once a day, reads all of them."""
ALL_OPEN = 2**31
MOST_REJECTED = 1_000
"""Refused rows that each extraction reads again, in case they or their mapping were mended."""


@dataclass(frozen=True)
class Progress:
    """How far one dataset has been read, and the keys of rows that were not finished, or refused, when last read."""

    mark: Mark | None = None
    keys: tuple[str, ...] = ()


def name_source(mapping: str, address: Address) -> str:
    """The name that a source's rows and watermarks carry: its mapping, and a hash that tells databases apart without naming them.

    Another database under the same mapping is another source, so it is read from its beginning.
    """
    return f"{Path(mapping).name}-{hashlib.sha256(address.identity.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class SourceProgress:
    """Every dataset's progress, of those that are not read whole each time, when the source was last looked at, and the names of
    others that were read before."""

    datasets: dict[str, Progress]
    last_seen_at: datetime | None = None
    others: tuple[str, ...] = ()

    def seen_at(self, now: datetime) -> datetime:
        """`now`, but later than any look before, though our clock may have been put back: the latest look wins."""
        return max(now, self.last_seen_at + timedelta(microseconds=1)) if self.last_seen_at else now

    @property
    def others_left(self) -> str:
        """What there is to say of sources that are read no more."""
        names = ", ".join(self.others)
        return f"rows of {names}, which count too; if its database moved, `govpulse sources rename` merges them" if names else ""

    def __str__(self) -> str:
        marks = [progress.mark for progress in self.datasets.values() if progress.mark]
        left = f"; also here: {self.others_left}" if self.others else ""
        if not marks:
            return f"nothing read yet{left}"
        newest = max(mark.read_until or mark.watermark for mark in marks)
        goes_on = "; a first extraction is still under way" if any(mark.read_until for mark in marks) else ""
        return f"newest change read so far {newest:%Y-%m-%d %H:%M} UTC{goes_on}{left}"


@task(name="read_progress", cache_policy=NO_CACHE)
def read_progress(
    home: str, *, limits: Limits, source: str, most_open: int = MOST_OPEN, known: Sequence[str] = ()
) -> SourceProgress:
    """The progress of every dataset of `source` that is not read whole each time.

    Args:
        known: the sources that are read; others are those that were read before.
    """
    with warehouse(Home(Path(home)), limits) as con:
        marks = watermarks(con, source)
        changing = [dataset for dataset in GOVERNANCE if dataset not in LISTINGS]
        datasets = {dataset: Progress(marks.get(dataset), _keys(con, dataset, source, most_open)) for dataset in changing}
        return SourceProgress(
            datasets, last_seen(con, source), tuple(name for name in sources_left(con, source) if name not in known)
        )


def _keys(con: duckdb.DuckDBPyConnection, dataset: str, source: str, most_open: int) -> tuple[str, ...]:
    unfinished = open_keys(con, dataset, source, OPEN_STATUSES[dataset], most_open) if dataset in OPEN_STATUSES else []
    return tuple(dict.fromkeys((*unfinished, *rejected_keys(con, dataset, source, MOST_REJECTED))))
