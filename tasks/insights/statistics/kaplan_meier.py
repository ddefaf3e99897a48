"""The median of times of which some have not ended yet."""

import math
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.insights.statistics.intervals import Counts, Values, Z

INTERVAL_NEEDS = 6
"""Times that have ended. From here on the interval covers 94 to 97 %, with fewer 68 to 94 %."""
ROUNDING = 1e-9
"""More than a survival of a million factors can be off by, with three roundings each."""


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
    survival = np.cumprod(1 - ends / at_risk, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # the last survival may be 0, its variance infinite
        variance = np.cumsum(ends / (at_risk * (at_risk - ends)))
        spread = np.exp(Z * np.sqrt(variance) / np.abs(np.log(survival)))
        low, high = (np.where(survival > 0, survival**power, 0.0) for power in (spread, 1 / spread))
    median = _first(times, _is_half_gone(survival, ends, at_risk))
    interval = [_first(times, band <= 0.5) for band in (low, high)]
    return CensoredMedian(median, *interval) if ended.size >= INTERVAL_NEEDS else CensoredMedian(median)


def with_censored_median(ended: pl.Series, unended: pl.Series, name: str) -> list[pl.Series]:
    """The columns `name`_seconds, `name`_low and `name`_high of two columns of lists of times."""
    pairs = zip(ended, unended, strict=True)
    rows = [censored_median(done.to_numpy(), lasting.to_numpy()) if len(done) else CensoredMedian() for done, lasting in pairs]
    return [
        pl.Series(f"{name}_{end}", [row[place] for row in rows], dtype=pl.Float64)
        for place, end in enumerate(("seconds", "low", "high"))
    ]


def _is_half_gone(survival: Values, ends: Counts, at_risk: Counts) -> NDArray[np.bool_]:
    """A survival of just a half is common, and floats have it on either side: what lies so near is told by the counts."""
    is_gone = survival <= 0.5
    for place in np.flatnonzero(np.abs(survival - 0.5) < ROUNDING):
        is_gone[place] = _is_half_gone_exactly(ends[: place + 1], at_risk[: place + 1])
    return is_gone


def _is_half_gone_exactly(ends: Counts, at_risk: Counts) -> bool:
    """In whole numbers. Who survived one time and is at risk at the next cancels out."""
    survived = at_risk - ends
    differs = survived[:-1] != at_risk[1:]
    left = math.prod(map(int, survived[np.append(differs, True)]))
    return 2 * left <= math.prod(map(int, at_risk[np.insert(differs, 0, True)]))


def _first(times: Values, is_reached: NDArray[np.bool_]) -> float | None:
    return float(times[np.argmax(is_reached)]) if is_reached.any() else None
