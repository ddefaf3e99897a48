"""Samples this host every 15 seconds for a little less than the five minutes between two runs, and lands each minute.

It opens no database, so nothing that happens to the warehouse can cost a sample.
"""

import socket
from datetime import datetime
from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.report import Report
from flows.run import Run, begin, finish
from tasks.sources.host.collection import collect_system_metrics as sample_host

PERIOD_SECONDS = 300
MARGIN_SECONDS = 14
"""From the last sample to the next run's start, for landing and ending: a run whose forerunner still goes is cancelled."""


def samples_left(now_seconds: float, interval_seconds: float) -> int:
    """Samples on the grid until shortly before the next run is due, at least one; a late start makes the run shorter, not later."""
    last = now_seconds - now_seconds % PERIOD_SECONDS + PERIOD_SECONDS - MARGIN_SECONDS
    return max(1, int(last // interval_seconds - now_seconds // interval_seconds))


def collect(run: Run, sample_count: int | None) -> None:
    settings = run.settings.collect
    if sample_count is None:
        sample_count = samples_left(run.started_at.timestamp(), settings.interval_seconds)
    run.step(
        "collect",
        sample_host,
        run.home,
        host=settings.host or socket.gethostname(),
        interval_seconds=settings.interval_seconds,
        sample_count=sample_count,
        land_every_seconds=settings.land_every_seconds,
        process_count=settings.top_processes,
    )


@flow(name="collect_system_metrics", timeout_seconds=600)
def collect_system_metrics(sample_count: Annotated[int, Field(ge=1)] | None = None, as_of: datetime | None = None) -> Report:
    """Sample this host's metrics.

    Args:
        sample_count: how many samples to take, one per interval; default: until shortly before the next run.
        as_of: instant for the run's record; samples carry their own.
    """
    run = begin("collect_system_metrics", as_of)
    collect(run, sample_count)
    return finish(run)
