"""insights.alert_noise: how much each rule tells, and whether anybody does anything about it. Reads alerts.*."""

import polars as pl

from tasks.insights.insight import Insight
from tasks.insights.statistics.intervals import with_rate
from tasks.insights.statistics.quantiles import with_median


def derive_noise(rules: pl.DataFrame) -> pl.DataFrame:
    """The table's rows, from counts and lists of times (s) per rule and team."""
    durations = pl.col("durations").cast(pl.List(pl.Float64)).fill_null(pl.lit([], pl.List(pl.Float64)))
    rows = rules.with_columns(durations)
    shares = [*with_rate("acted_share", "acted", "episodes"), *with_rate("brief_share", "brief", "episodes")]
    return rows.with_columns(*shares, *with_median(rows["durations"], "duration"))


ALERT_NOISE = Insight(__file__, takes={"zone": "alerts.zone"}, derive=derive_noise)
