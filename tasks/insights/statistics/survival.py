"""The median of times of which some have not ended yet."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.insights.statistics.intervals import Values, Z

INTERVAL_NEEDS = 6
"""Times that have ended. From here on the interval covers 94 to 97 %, with fewer 68 to 94 %."""


class CensoredMedian(NamedTuple):
    """A median with its 95 % interval, in the unit of the times; None where the times do not tell: fewer than half have
    ended, or it has no such end; no interval with fewer than 6 that have ended."""

    median: float | None = None
    low: float | None = None
    high: float | None = None


def censored_median(ended: Values, unended: Values) -> CensoredMedian:
    """Where the estimate of survival falls to a half (Kaplan & Meier, JASA 53, 1958), with the interval of Brookmeyer & Crowley
    (Biometrics 38, 1982) on the log-log scale: the times at which a survival of a half is not refused.

    Args:
        ended: times that have ended, in any order.
        unended: times that have lasted so long and go on.
    """
    times, ends = np.unique(ended, return_counts=True)
    lasting = np.sort(np.concatenate([ended, unended]))
    at_risk = lasting.size - np.searchsorted(lasting, times, side="left")
    survival = np.cumprod(1 - ends / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):  # the last survival may be 0, its variance infinite
        variance = np.cumsum(ends / (at_risk * (at_risk - ends)))
        spread = np.exp(Z * np.sqrt(variance) / np.abs(np.log(survival)))
        low, high = (np.where(survival > 0, survival**power, 0.0) for power in (spread, 1 / spread))
    median, *interval = (_first(times, band <= 0.5) for band in (survival, low, high))
    return CensoredMedian(median, *interval) if ended.size >= INTERVAL_NEEDS else CensoredMedian(median)


def with_censored_median(ended: pl.Series, unended: pl.Series, name: str) -> list[pl.Series]:
    """The columns `name`_seconds, `name`_low and `name`_high of two columns of lists of times."""
    pairs = zip(ended, unended, strict=True)
    rows = [censored_median(done.to_numpy(), lasting.to_numpy()) for done, lasting in pairs]
    return [
        pl.Series(f"{name}_{end}", [row[place] for row in rows], dtype=pl.Float64)
        for place, end in enumerate(("seconds", "low", "high"))
    ]


def _first(times: Values, is_reached: NDArray[np.bool_]) -> float | None:
    return float(times[np.argmax(is_reached)]) if is_reached.any() else None
