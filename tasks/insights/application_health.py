"""insights.application_health: response times and errors of each operation by the hour. Reads raw.activity, and ops to know which
hours are new."""

import polars as pl

from tasks.insights.hours import new_hours
from tasks.insights.insight import Insight
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


APPLICATION_HEALTH = Insight(__file__, reads=("activity",), derive=derive_health, window_start=new_hours("activity"))
