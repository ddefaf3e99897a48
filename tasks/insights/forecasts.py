"""insights.forecasts: when filesystems and memory are full, or why nobody can say. Reads insights.system_metrics_hourly."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import polars as pl

from storage.frames import fetch, registered
from storage.sql_files import sql_beside
from storage.write import replace
from tasks.insights.book import check_output
from tasks.insights.hosts.forecasting import Forecast, Hours, forecast
from tasks.insights.hosts.habit import is_emptied_before
from tasks.insights.insight import Insight, Underway

FILESYSTEM = "system.filesystem.utilization"
WITH_CACHE = "container.memory.usage"
FIGURES = ("low", "mean", "high")
HOURS = pl.List(pl.Struct({"age": pl.Int64, **dict.fromkeys(FIGURES, pl.Float64)}))
KINDS: dict[str, pl.DataType] = {"hours": pl.Int64(), "window_hours": pl.Int64(), "is_growing": pl.Boolean()}
SCHEMA = {name: KINDS.get(name, pl.Float64()) for name in Forecast.__dataclass_fields__} | {"no_forecast_reason": pl.String()}


def derive_forecasts(series: pl.DataFrame) -> pl.DataFrame:
    """The table's rows.

    Args:
        series: per host x metric x attributes the current value, the limit, and a list of hours: age (0 is the last whole one),
            least, mean and greatest value; NULL for an empty one. Of a container's usage the same of what its host has available.
    """
    series = series.with_columns(pl.col("hours", "available_hours").cast(HOURS).fill_null([]))
    rows = zip(series["hours"], series["available_hours"], series["limit_value"], series["metric"], strict=True)
    forecasts = [
        forecast(_hours(hours), limit, metric == FILESYSTEM, _hours(available) if metric == WITH_CACHE else None)
        for hours, available, limit, metric in rows
    ]
    found = pl.DataFrame([asdict(each) for each in forecasts], schema=SCHEMA)
    return series.drop("hours", "available_hours").hstack(found).with_columns(
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


def compute_forecasts(underway: Underway) -> None:
    """What is foretold to be full is looked at once more: whether it has been emptied by habit, over all that is stored."""
    given = {**underway.given, "as_of": underway.as_of}
    with underway.reading() as con:
        series = FORECASTS.read(con, given)
    frame = FORECASTS.derived(series, given)
    near = frame.filter(pl.col("metric") == FILESYSTEM, pl.col("crosses_at").is_not_null())
    if near.height:
        sizes = series.filter(pl.col("metric") == FILESYSTEM).select("host", "attributes", "size")
        with underway.reading() as con:
            days = read_days(con, near.join(sizes, on=["host", "attributes"]), underway.as_of)
        frame = without_habit(frame, days)
    check_output(FORECASTS.table, frame)
    underway.rows = frame.height
    with underway.writing() as con, registered(con, "computed", frame):
        replace(con, FORECASTS.table, "computed", None)


def read_days(con: duckdb.DuckDBPyConnection, near: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Per filesystem the days of which something is known, counted back from 0, and their mean and highest levels."""
    with registered(con, "near", near.select("host", "attributes", "size")):
        return fetch(con, sql_beside(__file__, "hosts/days"), {"as_of": as_of})


def without_habit(frame: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """The table's rows, with no crossing of a filesystem that something empties before it is full."""
    looked_at = frame.filter(pl.col("metric") == FILESYSTEM).join(days, on=["host", "attributes"])
    looked_at = looked_at.filter(pl.col("crosses_at").is_not_null())
    is_emptied = pl.Series([_is_emptied(row) for row in looked_at.iter_rows(named=True)], dtype=pl.Boolean)
    emptied = frame.join(looked_at.filter(is_emptied), on=["host", "metric", "attributes"], how="semi")
    no_crossing = (pl.lit(None).alias(name) for name in ("crosses_at", "crosses_low_at", "crosses_high_at"))
    told = emptied.with_columns(*no_crossing, no_forecast_reason=pl.lit("emptied_by_habit"))
    return frame.update(told, on=["host", "metric", "attributes"], include_nulls=True)


def _is_emptied(row: dict[str, Any]) -> bool:
    places = max(row["days"]) - np.asarray(row["days"])
    levels, highs = (np.full(max(row["days"]) + 1, np.nan) for _ in range(2))
    levels[places], highs[places] = row["levels"], row["highs"]
    return is_emptied_before(levels, highs)


FORECASTS = Insight(__file__, derive=derive_forecasts, compute=compute_forecasts)
