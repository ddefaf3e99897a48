"""How far each dataset has been read, from the warehouse's books, for the extraction that follows."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.catalogue import GOVERNANCE
from storage.home import Home
from storage.ledger import open_keys, watermarks
from storage.warehouse import Limits, warehouse

OPEN_STATUSES = {"scans": ("queued", "running"), "deployments": ("pending", "running"), "activity": ("running",)}
"""The statuses that a row still leaves; a user has none."""


@dataclass(frozen=True)
class Progress:
    """One dataset's watermark, and the keys whose rows were not finished when last read."""

    watermark: datetime | None = None
    open_keys: tuple[str, ...] = ()


def name_source(mapping: str, url: str) -> str:
    """The name that a source's rows and watermarks carry: its mapping, and a hash that tells databases apart without naming them.

    Another database under the same mapping is another source, so it is read from its beginning.
    """
    return f"{Path(mapping).name}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Standing:
    """Every dataset's progress."""

    datasets: dict[str, Progress]

    def __str__(self) -> str:
        marks = [progress.watermark for progress in self.datasets.values() if progress.watermark]
        return f"newest change read so far {max(marks):%Y-%m-%d %H:%M} UTC" if marks else "nothing read yet"


@task(name="read_progress", cache_policy=NO_CACHE)
def read_progress(home: str, *, limits: Limits, source: str) -> Standing:
    """The progress of every dataset of `source`."""
    with warehouse(Home(Path(home)), limits) as con:
        marks = watermarks(con, source)
        datasets = {
            dataset: Progress(
                marks.get(dataset),
                tuple(open_keys(con, dataset, source, OPEN_STATUSES[dataset])) if dataset in OPEN_STATUSES else (),
            )
            for dataset in GOVERNANCE
        }
        return Standing(datasets)
