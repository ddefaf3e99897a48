"""insights.application_health: response times and errors of each operation by the hour. Reads raw.activity, and ops to know which
hours are new."""

from datetime import datetime

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.warehouse import Limits
from tasks.insights.computation import InsightResult
from tasks.insights.hours import compute_hours
from tasks.insights.statistics.intervals import with_rate
from tasks.insights.statistics.quantiles import with_median, with_percentile

P95_NEEDS, P99_NEEDS = 30, 300
"""Requests of one hour scatter less than scans do: log-normal with sigma .8, the relative RMSE of p95 is .28 at n = 30, that of p99
.16 at 300."""


def derive_health(parts: pl.DataFrame) -> pl.DataFrame:
    """The table's rows.

    Args:
        parts: per hour x operation counts, baselines, and `seconds`, the list of durations, NULL for an empty one.
    """
    parts = parts.sort("operation", "hour_at").with_columns(pl.col("seconds").fill_null([]).list.sort())
    seconds = parts["seconds"]
    return parts.with_columns(
        seconds.list.len().cast(pl.Int64).alias("timed"),
        *with_median(seconds, "p50"),
        *with_percentile(seconds, "p95", 0.95, P95_NEEDS),
        *with_percentile(seconds, "p99", 0.99, P99_NEEDS),
        *with_rate("error_rate", "failed", "requests"),
    ).with_columns(
        p95_ratio=pl.when(pl.col("baseline_p95_seconds") > 0).then(pl.col("p95_seconds") / pl.col("baseline_p95_seconds"))
    )


@task(name="application_health", cache_policy=NO_CACHE)
def application_health(home: str, *, limits: Limits, as_of: datetime, window_start: datetime | None = None) -> InsightResult:
    """Compute the hours that have new requests, or those from `window_start` on, up to `as_of`."""
    return compute_hours(home, limits, "application_health", "activity", derive_health, as_of, window_start)
