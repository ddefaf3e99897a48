"""insights.system_metrics_hourly: host metrics by the hour. Reads raw.system_metrics, and ops to know which hours are new."""

from datetime import datetime
from pathlib import Path

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.home import Home
from storage.ledger import uncovered_since
from storage.warehouse import Limits, warehouse
from tasks.insights.computation import InsightResult, compute


def hour_of(instant: datetime) -> datetime:
    """The start of the hour that `instant` lies in."""
    return instant.replace(minute=0, second=0, microsecond=0)


def choose_window_start(as_of: datetime, asked: datetime | None, uncovered: datetime | None) -> datetime:
    """From where to compute: as asked; else the hour of the oldest samples that no computation has seen, or this hour."""
    return hour_of(asked or min(uncovered or as_of, as_of))


@task(name="system_metrics_hourly", cache_policy=NO_CACHE)
def system_metrics_hourly(home: str, *, limits: Limits, as_of: datetime, window_start: datetime | None = None) -> InsightResult:
    """Compute the hours that have new samples, or those from `window_start` on, up to `as_of`."""
    with warehouse(Home(Path(home)), limits) as con:
        uncovered = uncovered_since(con, "system_metrics_hourly", "system_metrics")
    start = choose_window_start(as_of, window_start, uncovered)
    parameters = {"as_of": as_of, "window_start": start}
    return compute(home, limits, "system_metrics_hourly", parameters, pl.DataFrame.clone, window=(start, as_of))
