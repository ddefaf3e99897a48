"""insights.deployment_metrics: how often and how well each service is deployed to each environment. Reads raw.deployments."""

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from tasks.insights.insight import Insight
from tasks.insights.statistics.intervals import with_exact_interval, with_poisson_rate, with_rate
from tasks.insights.statistics.kaplan_meier import with_censored_median
from tasks.insights.statistics.quantiles import with_median, with_p90
from tasks.insights.statistics.shrinkage import with_shrunk

PLACE = ("environment", "service")
COUNTS = (
    *("deployments", "attempts", "succeeded", "failed", "rolled_back", "canceled", "in_progress", "stuck"),
    *("succeeded_at_once", "failed_changes", "rework", "out_of_bounds", "lead_out_of_bounds", "outdated"),
)
TIMES = ("durations", "lead_times", "recovery_times", "open_times")


def derive_metrics(parts: pl.DataFrame, as_of: datetime, window_days: int) -> pl.DataFrame:
    """The table's rows, from counts and lists of times (s) per environment x service; `all` rows are computed over their union."""
    rows = pl.concat(_with_statistics(union, window_days) for union in _unions(parts))
    return rows.sort(PLACE).with_columns(
        pl.lit(as_of).dt.cast_time_unit("us").alias("as_of"), pl.lit(window_days, pl.Int64).alias("window_days")
    )


def _unions(parts: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The parts as they are, joined over environments, over services, and over both: that one has a row even of nothing."""
    for names in ((), ("environment",), ("service",)):
        yield _joined(parts.with_columns(pl.lit("all").alias(name) for name in names))
    yield _joined(parts.with_columns(pl.lit("all").alias(name) for name in PLACE) if parts.height else _nothing(parts))


def _joined(parts: pl.DataFrame) -> pl.DataFrame:
    counts = [pl.col(name).sum() for name in COUNTS]
    times = [pl.col(name).explode(keep_nulls=False, empty_as_null=False).sort() for name in TIMES]
    return parts.group_by(PLACE).agg(*counts, *times, pl.col("is_sample").any()).sort(PLACE)


def _nothing(parts: pl.DataFrame) -> pl.DataFrame:
    row: dict[str, object] = {**dict.fromkeys(PLACE, "all"), **dict.fromkeys(COUNTS, 0), "is_sample": False}
    return pl.DataFrame([row | {name: [] for name in TIMES}], schema=parts.schema)


def _with_statistics(rows: pl.DataFrame, window_days: int) -> pl.DataFrame:
    """Rates and medians with their intervals, in the place of the lists. Only single services are drawn towards each other."""
    n, services = rows["deployments"], rows["deployments"].set(rows["service"] == "all", 0)
    return rows.with_columns(
        *with_rate("success_rate", "succeeded", "deployments"),
        *with_exact_interval("success_rate_exact", rows["succeeded"], n),
        *with_shrunk("success_rate_shrunk", rows["environment"], rows["succeeded"], services),
        *with_rate("first_attempt_success_rate", "succeeded_at_once", "deployments"),
        *_lengths(durations="durations", recovered="recovery_times", unrecovered="open_times", lead_times="lead_times"),
        pl.col("durations").list.mean().alias("avg_duration_seconds"),
        *with_median(rows["durations"], "median_duration"),
        *with_p90(rows["durations"], "p90_duration"),
        *with_poisson_rate("deployments_per_day", n, window_days),
        *with_rate("change_failure_rate", "failed_changes", "deployments"),
        *with_censored_median(rows["recovery_times"], rows["open_times"], "recovery_median"),
        *with_rate("rework_rate", "rework", "deployments"),
        *with_median(rows["lead_times"], "lead_time_median"),
        _no_data_reason().alias("no_data_reason"),
    ).drop("recovery_times", "open_times")


def _lengths(**lists: str) -> list[pl.Expr]:
    return [pl.col(times).list.len().cast(pl.Int64).alias(name) for name, times in lists.items()]


def _no_data_reason() -> pl.Expr:
    seen = pl.col("canceled") + pl.col("in_progress") + pl.col("stuck")
    without = pl.when(seen > 0).then(pl.lit("no_terminal_deployments")).otherwise(pl.lit("no_deployments"))
    return pl.when(pl.col("deployments") == 0).then(without)


DEPLOYMENT_METRICS = Insight(
    __file__,
    reads=("deployments",),
    takes={
        "window_days": "insights.window_days",
        "gap_seconds": "insights.attempt_gap_seconds",
        "bound_seconds": "insights.duration_bound_seconds",
        "lead_bound_seconds": "insights.lead_bound_seconds",
        "rework_seconds": "insights.rework_seconds",
    },
    derive=derive_metrics,
)
