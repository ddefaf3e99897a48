"""insights.forecasts: when filesystems and memory are full, or why nobody can say. Reads insights.system_metrics_hourly."""

from dataclasses import asdict

import polars as pl

from tasks.insights.hosts.forecasting import Forecast, Hours, forecast
from tasks.insights.insight import Insight

FILESYSTEM = "system.filesystem.utilization"
FIGURES = ("low", "mean", "high")
HOURS = pl.List(pl.Struct({"age": pl.Int64, **dict.fromkeys(FIGURES, pl.Float64)}))
KINDS: dict[str, pl.DataType] = {"hours": pl.Int64(), "window_hours": pl.Int64(), "is_growing": pl.Boolean()}
SCHEMA = {name: KINDS.get(name, pl.Float64()) for name in Forecast.__dataclass_fields__} | {"no_forecast_reason": pl.String()}


def derive_forecasts(series: pl.DataFrame) -> pl.DataFrame:
    """The table's rows.

    Args:
        series: per host x metric x attributes the current value, the limit, and a list of hours: age (0 is the last whole one),
            least, mean and greatest value; NULL for an empty one.
    """
    series = series.with_columns(pl.col("hours").cast(HOURS).fill_null([]))
    rows = zip(series["hours"], series["limit_value"], series["metric"], strict=True)
    forecasts = [forecast(_hours(hours), limit, metric == FILESYSTEM) for hours, limit, metric in rows]
    found = pl.DataFrame([asdict(each) for each in forecasts], schema=SCHEMA)
    return series.drop("hours").hstack(found).with_columns(
        *(pl.col(name).alias(f"{name}_per_day") for name in ("slope", "slope_low", "slope_high")),
        growth_p_value=pl.col("p_value"),
        point_low=pl.col("low"),
        point_high=pl.col("high"),
        crosses_at=_after("crosses"),
        crosses_low_at=_after("crosses_low"),
        crosses_high_at=_after("crosses_high"),
        grows_since=pl.when("is_growing").then(
            pl.max_horizontal(pl.col("as_of") - pl.duration(hours=pl.col("window_hours")), "first_hour_at")
        ),
    ).rename({"slope_low_per_day": "slope_per_day_low", "slope_high_per_day": "slope_per_day_high"})  # fmt: skip


def _hours(hours: pl.Series) -> Hours:
    ages, *figures = (hours.struct.field(name).to_numpy() for name in ("age", *FIGURES))
    return Hours(ages, *figures)


def _after(days: str) -> pl.Expr:
    """The instant so many days after as_of, to the second."""
    return pl.col("as_of") + pl.duration(seconds=(pl.col(days) * 86_400).round().cast(pl.Int64))


FORECASTS = Insight(__file__, derive=derive_forecasts)
