"""How fast a weekly series rises or falls: the median of the slopes between its weeks, which outliers do not move."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import kendalltau, theilslopes

from tasks.insights.statistics.change_points import FALSE_DISCOVERIES, q_values
from tasks.insights.statistics.intervals import CONFIDENCE, Values

WEEKS_NEEDED = 6
"""In perfect order 6 values have a p of 2 / 6! = .003, which still says something among ten services; 5 have .017."""


@dataclass(frozen=True)
class Slope:
    """A slope with its evidence.

    Attributes:
        per_week: change of the value a week (Theil 1950, Sen 1968).
        low, high: 95 % interval of it, from Kendall's statistic (Sen 1968).
        p_value: two-sided, of no slope: Kendall's tau, exact without ties.
    """

    per_week: float
    low: float
    high: float
    p_value: float

    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def fit_slope(weekly: Values) -> Slope | None:
    """Fit the slope of values a week, NaN where there is none.

    Returns:
        None under `WEEKS_NEEDED` values.
    """
    weeks = np.flatnonzero(np.isfinite(weekly))
    if len(weeks) < WEEKS_NEEDED:
        return None
    values = weekly[weeks]
    if values.min() == values.max():
        return Slope(0.0, 0.0, 0.0, 1.0)
    slope, _, low, high = theilslopes(values, weeks, alpha=CONFIDENCE)
    return Slope(float(slope), float(low), float(high), float(kendalltau(weeks, values).pvalue))


def judge_slopes(slopes: Sequence[Slope | None], least: float) -> tuple[list[float | None], list[str]]:
    """The q-values of the slopes of one metric, and what each shows: `rising`, `falling`, `no_evidence` or `too_little_data`.

    Evidence needs an interval without 0, a q-value within `FALSE_DISCOVERIES`, and a slope of at least `least` a week.
    """
    adjusted = q_values([slope.p_value if slope else None for slope in slopes])
    return adjusted, [_verdict(slope, q, least) for slope, q in zip(slopes, adjusted, strict=True)]


def with_slopes(series: Sequence[Values], floor: float) -> pl.DataFrame:
    """The columns weeks, slope_per_week with its interval, p and q, and trend, of weekly series of one metric.

    Args:
        series: of one length, NaN where there is no value.
        floor: what makes less than that over all weeks is no evidence.
    """
    slopes = [fit_slope(values) for values in series]
    adjusted, verdicts = judge_slopes(slopes, floor / max([1, *map(len, series)]))
    columns = {
        "weeks": [int(np.isfinite(values).sum()) for values in series],
        "slope_per_week": [slope.per_week if slope else None for slope in slopes],
        "slope_per_week_low": [slope.low if slope else None for slope in slopes],
        "slope_per_week_high": [slope.high if slope else None for slope in slopes],
        "slope_p_value": [slope.p_value if slope else None for slope in slopes],
        "slope_q_value": adjusted,
        "trend": verdicts,
    }
    types = dict.fromkeys(columns, pl.Float64()) | {"weeks": pl.Int64(), "trend": pl.String()}
    return pl.DataFrame(columns, schema=types)


def _verdict(slope: Slope | None, q: float | None, least: float) -> str:
    if slope is None or q is None:
        return "too_little_data"
    if q > FALSE_DISCOVERIES or not slope.excludes_zero() or abs(slope.per_week) < least:
        return "no_evidence"
    return "rising" if slope.per_week > 0 else "falling"
