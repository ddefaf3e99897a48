"""insights.deployment_trends: how success rate and duration of each service moved over the window. Reads raw.deployments."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.insights.deployments.figures import DEFINITION
from tasks.insights.insight import Insight
from tasks.insights.statistics.change_points import (
    DURATION_FLOOR,
    FALSE_DISCOVERIES,
    Change,
    find_change,
    find_rate_change,
    q_values,
)
from tasks.insights.statistics.intervals import Counts, Values, with_rate
from tasks.insights.statistics.quantiles import with_median
from tasks.insights.statistics.slopes import with_slopes

RATE_FLOOR = 0.05
"""A smaller difference of a rate over the window is no news, however sure."""

Matters = Callable[[int, int], bool]
"""Whether the levels of the series of that row differ enough before and from the index on."""


def derive_trends(pairs: pl.DataFrame) -> pl.DataFrame:
    """The table's rows, two for each environment x service that the SQL found: of its success rate, and of its durations."""
    return pl.concat([_rate_rows(pairs), _duration_rows(pairs)]).sort("environment", "service", "metric")


def _rate_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    days, hits, trials = (_arrays(pairs[name]) for name in ("days", "succeeded", "deployments"))

    def matters(row: int, at: int) -> bool:
        before, after = (hits[row][side].sum() / trials[row][side].sum() for side in (slice(at), slice(at, None)))
        return bool(abs(after - before) >= RATE_FLOOR)

    changes = _changes([find_rate_change(k, n) for k, n in zip(hits, trials, strict=True)], days, matters)
    weekly = pairs.select(weekly_values="weekly_rates", weekly_counts="weekly_deployments")
    slopes = with_slopes(_arrays(weekly["weekly_values"]), RATE_FLOOR)
    return _rows(pairs, "success_rate", weekly, slopes, changes, _rate_levels(hits, trials, changes["split"]))


def _duration_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    medians = [(day[~np.isnan(m)], m[~np.isnan(m)]) for day, m in zip(*map(_arrays, pairs["days", "median_seconds"]), strict=True)]
    days, values = [day for day, _ in medians], [value for _, value in medians]

    def matters(row: int, at: int) -> bool:
        low, high = sorted((float(np.median(values[row][:at])), float(np.median(values[row][at:]))))
        return high >= DURATION_FLOOR * low and high > low

    changes = _changes([find_change(series) for series in values], days, matters)
    weekly = pairs.select(weekly_values="weekly_median_seconds", weekly_counts="weekly_durations")
    slopes = with_slopes([_logarithms(values) for values in _arrays(weekly["weekly_values"])], math.log(DURATION_FLOOR))
    shares = slopes.with_columns(pl.col("slope_per_week", "slope_per_week_low", "slope_per_week_high").exp() - 1)
    return _rows(pairs, "median_duration_seconds", weekly, shares, changes, _duration_levels(values, changes["split"]))


def _arrays(lists: pl.Series) -> list[NDArray[Any]]:
    """An array a row; NaN for NULL."""
    return [values.to_numpy() for values in lists]


def _logarithms(values: Values) -> Values:
    """NaN where a value is not above 0: it has none."""
    return np.log(values, out=np.full(len(values), np.nan), where=values > 0)


def _changes(found: Sequence[Change | None], days: Sequence[NDArray[Any]], matters: Matters) -> pl.DataFrame:
    """What was found of each series, and `split`, the index of the change where there is evidence of one that matters."""
    adjusted = q_values([change.p_value if change else None for change in found])
    splits = [
        change.index if change and q is not None and q <= FALSE_DISCOVERIES and matters(row, change.index) else None
        for row, (change, q) in enumerate(zip(found, adjusted, strict=True))
    ]
    columns = {
        "days": [len(series) for series in days],
        "split": splits,
        "changed_day": [None if at is None else int(series[at]) for series, at in zip(days, splits, strict=True)],
        "change_p_value": [change.p_value if change else None for change in found],
        "change_q_value": adjusted,
    }
    types = dict.fromkeys(columns, pl.Int64()) | {"change_p_value": pl.Float64(), "change_q_value": pl.Float64()}
    return pl.DataFrame(columns, schema=types)


def _sides(splits: pl.Series) -> list[tuple[str, list[slice]]]:
    """Which part of each series is before the change, and which from it on; all and nothing without one."""
    return [
        ("before", [slice(0, at) for at in splits]),
        ("after", [slice(0, 0) if at is None else slice(at, None) for at in splits]),
    ]


def _rate_levels(hits: Sequence[Counts], trials: Sequence[Counts], splits: pl.Series) -> pl.DataFrame:
    """Deployments, rate and Wilson's interval before and after the split of each series."""
    counted = {
        f"{what}_{side}": [int(values[part].sum()) for values, part in zip(arrays, parts, strict=True)]
        for side, parts in _sides(splits)
        for what, arrays in (("hits", hits), ("n", trials))
    }
    return pl.DataFrame(counted, schema=dict.fromkeys(counted, pl.Int64)).select(
        column
        for side in ("before", "after")
        for column in (pl.col(f"n_{side}").alias(side), *with_rate(f"level_{side}", f"hits_{side}", f"n_{side}"))
    )


def _duration_levels(values: Sequence[Values], splits: pl.Series) -> pl.DataFrame:
    """Days, median and its interval before and after the split of each series."""
    levels: list[pl.Series] = []
    for side, parts in _sides(splits):
        ascending = [np.sort(series[part]).tolist() for series, part in zip(values, parts, strict=True)]
        lists = pl.Series(ascending, dtype=pl.List(pl.Float64))
        levels += [lists.list.len().cast(pl.Int64).alias(side), *with_median(lists, f"level_{side}", unit="")]
    return pl.DataFrame(levels)


def _rows(
    pairs: pl.DataFrame, metric: str, weekly: pl.DataFrame, slopes: pl.DataFrame, changes: pl.DataFrame, levels: pl.DataFrame
) -> pl.DataFrame:
    is_higher = pl.col("level_after") > pl.col("level_before")
    change = (
        pl.when(pl.col("change_p_value").is_null())
        .then(pl.lit("too_little_data"))
        .when(pl.col("split").is_null())
        .then(pl.lit("no_evidence"))
        .otherwise(pl.when(is_higher).then(pl.lit("higher")).otherwise(pl.lit("lower")))
    )
    names = pairs.select("as_of", "window_days", "environment", "service", "is_sample")
    return pl.concat([names, weekly, slopes, changes, levels], how="horizontal").with_columns(
        pl.lit(metric).alias("metric"),
        (pl.col("as_of") - pl.duration(days=pl.col("window_days") // 7 * 7)).alias("first_week_at"),
        (pl.col("as_of") - pl.duration(days=pl.col("changed_day") + 1)).alias("changed_at"),
        change.alias("change"),
        pl.lit(DEFINITION, pl.Int64).alias("definition"),
    )


DEPLOYMENT_TRENDS = Insight(
    __file__,
    reads=("deployments",),
    takes={
        "window_days": "insights.window_days",
        "gap_seconds": "insights.attempt_gap_seconds",
        "environments": "insights.environment_names",
        "bound_seconds": "insights.duration_bound_seconds",
    },
    derive=derive_trends,
)
