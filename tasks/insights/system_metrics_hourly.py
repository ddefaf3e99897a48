"""insights.system_metrics_hourly: host metrics by the hour. Reads raw.system_metrics, and ops to know which hours are new."""

from datetime import datetime

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.warehouse import Limits
from tasks.insights.computation import InsightResult
from tasks.insights.hours import compute_hours


@task(name="system_metrics_hourly", cache_policy=NO_CACHE)
def system_metrics_hourly(home: str, *, limits: Limits, as_of: datetime, window_start: datetime | None = None) -> InsightResult:
    """Compute the hours that have new samples, or those from `window_start` on, up to `as_of`."""
    return compute_hours(home, limits, "system_metrics_hourly", "system_metrics", pl.DataFrame.clone, as_of, window_start)
