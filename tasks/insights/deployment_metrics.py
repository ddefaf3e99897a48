"""insights.deployment_metrics: counts, rates with intervals and durations per environment x service. Reads raw.deployments."""

from datetime import datetime

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.warehouse import Limits
from tasks.insights.computation import InsightResult, compute
from tasks.insights.intervals import median_interval, wilson_high, wilson_low

P90_NEEDS = 30
DURATIONS = pl.col("durations")


def add_statistics(counts: pl.DataFrame) -> pl.DataFrame:
    """Rates with Wilson intervals and duration statistics, from counts and ascending `durations` (s) a row."""
    intervals = [median_interval(values) for values in counts["durations"].to_list()]
    return counts.with_columns(
        pl.when(pl.col("deployments") > 0).then(pl.col("succeeded") / pl.col("deployments")).alias("success_rate"),
        wilson_low(pl.col("succeeded"), pl.col("deployments")).alias("success_rate_low"),
        wilson_high(pl.col("succeeded"), pl.col("deployments")).alias("success_rate_high"),
        DURATIONS.list.mean().alias("avg_duration_seconds"),
        DURATIONS.list.median().alias("median_duration_seconds"),
        pl.Series("median_duration_low", [low for low, _ in intervals], dtype=pl.Float64),
        pl.Series("median_duration_high", [high for _, high in intervals], dtype=pl.Float64),
        _p90().alias("p90_duration_seconds"),
        (pl.col("deployments") / pl.col("window_days")).alias("deployments_per_day"),
        _no_data_reason().alias("no_data_reason"),
    )


def _p90() -> pl.Expr:
    quantile = DURATIONS.list.eval(pl.element().quantile(0.9, "linear")).list.first()
    return pl.when(DURATIONS.list.len() >= P90_NEEDS).then(quantile)


def _no_data_reason() -> pl.Expr:
    seen = pl.col("canceled") + pl.col("in_progress") + pl.col("stuck")
    without = pl.when(seen > 0).then(pl.lit("no_terminal_deployments")).otherwise(pl.lit("no_deployments"))
    return pl.when(pl.col("deployments") == 0).then(without)


@task(name="deployment_metrics", cache_policy=NO_CACHE)
def deployment_metrics(
    home: str, *, limits: Limits, as_of: datetime, window_days: int, gap_seconds: float, bound_seconds: float
) -> InsightResult:
    """Compute the table over the `window_days` up to `as_of`."""
    parameters = {"as_of": as_of, "window_days": window_days, "gap_seconds": gap_seconds, "bound_seconds": bound_seconds}
    return compute(home, limits, "deployment_metrics", parameters, add_statistics)
