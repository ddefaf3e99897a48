"""insights.deployment_metrics: how often and how well each service is deployed to each environment. Reads raw.deployments and
raw.incidents."""

from datetime import datetime

import polars as pl

from tasks.insights.deployments.figures import known_days, with_figures
from tasks.insights.deployments.unions import COUNTING, COUNTS, PLACE, nothing, unions
from tasks.insights.insight import Insight
from tasks.insights.statistics.intervals import with_exact_interval
from tasks.insights.statistics.quantiles import with_p90
from tasks.insights.statistics.shrinkage import with_shrunk

OF_THE_WINDOW = (*COUNTS, "in_progress", "stuck", "undated", "out_of_bounds", "lead_out_of_bounds", "outdated")


def derive_metrics(parts: pl.DataFrame, as_of: datetime, window_days: int) -> pl.DataFrame:
    """The table's rows, from counts and lists of times (s) per environment x service; `all` rows are computed over their union."""
    parts = parts if parts.height else nothing(parts, OF_THE_WINDOW)
    rows = pl.concat(_with_statistics(union, as_of, window_days) for union in unions(parts, OF_THE_WINDOW))
    return rows.unique(PLACE).sort(PLACE)


def _with_statistics(rows: pl.DataFrame, as_of: datetime, window_days: int) -> pl.DataFrame:
    """Only single services are drawn towards each other."""
    n, services = rows["deployments"], rows["deployments"].set(rows["service"] == "all", 0)
    window = rows.with_columns(
        pl.lit(as_of).dt.cast_time_unit("us").alias("as_of"), pl.lit(window_days, pl.Int64).alias("window_days")
    ).with_columns(known_days(pl.col("as_of") - pl.duration(days=window_days), pl.col("as_of")))
    return with_figures(window).with_columns(
        *with_exact_interval("success_rate_exact", rows["succeeded"], n),
        *with_shrunk("success_rate_shrunk", rows["environment"], rows["succeeded"], services),
        rows["durations"].list.mean().alias("avg_duration_seconds"),
        *with_p90(rows["durations"], "p90_duration"),
        _no_data_reason().alias("no_data_reason"),
    )


def _no_data_reason() -> pl.Expr:
    seen = pl.col("canceled") + pl.col("in_progress") + pl.col("stuck")
    without = (
        pl.when(pl.col("undated") > 0)
        .then(pl.lit("no_dated_deployments"))
        .when(seen > 0)
        .then(pl.lit("no_terminal_deployments"))
        .otherwise(pl.lit("no_deployments"))
    )
    return pl.when(pl.col("deployments") == 0).then(without)


DEPLOYMENT_METRICS = Insight(
    __file__,
    reads=("deployments", "incidents"),
    takes={"window_days": "insights.window_days", **COUNTING},
    derive=derive_metrics,
)
