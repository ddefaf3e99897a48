"""insights.deployment_periods: the same figures by week and by calendar month. Reads raw.deployments and raw.incidents."""

import polars as pl

from tasks.insights.deployments.figures import known_days, with_figures
from tasks.insights.deployments.unions import COUNTING, COUNTS, PLACE, TIMES, unions
from tasks.insights.insight import Insight

SPAN = ("as_of", "period", "start_at", "end_at", "is_complete")


def derive_periods(parts: pl.DataFrame) -> pl.DataFrame:
    """The table's rows, from counts and lists of times (s) per period and environment x service; NULL where nothing ended."""
    nothing = pl.lit([], dtype=pl.List(pl.Float64))
    filled = parts.with_columns(pl.col(COUNTS).fill_null(0), *(pl.coalesce(name, nothing) for name in TIMES))
    rows = pl.concat(unions(filled, COUNTS, SPAN)).with_columns(known_days(pl.col("start_at"), pl.col("end_at")))
    without = pl.when(pl.col("deployments") == 0).then(pl.lit("no_deployments"))
    return with_figures(rows).with_columns(without.alias("no_data_reason")).sort("period", "start_at", *PLACE)


DEPLOYMENT_PERIODS = Insight(
    __file__,
    reads=("deployments", "incidents"),
    takes={"months": "insights.period_months", **COUNTING},
    derive=derive_periods,
)
