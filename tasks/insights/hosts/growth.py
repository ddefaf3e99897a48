"""How fast a series grows: the median of the slopes between its values, with an interval that holds where neighbours resemble."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, theilslopes

from tasks.insights.statistics.intervals import CONFIDENCE, Values, Z

VALUES_NEEDED = 6
LEAST_P = 1e-4
"""No distribution is to be trusted further."""
LARGEST_CORRELATION = 0.9


@dataclass(frozen=True)
class Growth:
    """A slope per unit of time with its 95 % interval.

    Attributes:
        p_value: two-sided, of no slope, from the width of the interval; at least `LEAST_P`.
    """

    slope: float
    low: float
    high: float
    p_value: float


def fit_growth(times: Values, values: Values) -> Growth | None:
    """Fit the slope of finite values at ascending times (Theil 1950; interval of Sen 1968).

    The interval is widened by the square root of (1 + r) / (1 - r), where r is the lag-1 correlation of what the line leaves
    over (AR(1), as in Yue & Wang 2004 for the variance of Kendall's statistic): without it, noise that lingers looks like growth.

    Returns:
        None under `VALUES_NEEDED` values.
    """
    if len(values) < VALUES_NEEDED:
        return None
    if values.min() == values.max():
        return Growth(0.0, 0.0, 0.0, 1.0)
    slope, offset, low, high = (float(number) for number in theilslopes(values, times, alpha=CONFIDENCE))
    wider = _inflation(values - offset - slope * times)
    low, high = slope - (slope - low) * wider, slope + (high - slope) * wider
    return growth_of(slope, low, high)


def growth_of(slope: float, low: float, high: float) -> Growth:
    """A slope with its interval, and the p-value that goes with it."""
    return Growth(slope, low, high, _p_value(slope, low, high))


def _inflation(rest: Values) -> float:
    n = len(rest)
    rest = rest - rest.mean()
    squares = float(rest @ rest)
    # What a line leaves over correlates by about 4 / n too little.
    correlation = float(rest[1:] @ rest[:-1]) / squares + 4 / n if squares > 0 else 0.0
    bounded = min(max(correlation, 0.0), LARGEST_CORRELATION)
    return float(np.sqrt((1 + bounded) / (1 - bounded)))


def _p_value(slope: float, low: float, high: float) -> float:
    near = slope - low if slope > 0 else high - slope
    if near <= 0:
        return LEAST_P if slope else 1.0
    return max(LEAST_P, 2 * float(norm.sf(abs(slope) * Z / near)))
