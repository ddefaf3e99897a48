"""What is usual for a metric: robust level and scatter, over its history and over the trailing day."""

from dataclasses import dataclass

import numpy as np

from tasks.insights.detection.windows import Matrix, Series

CONSISTENT = 1.4826
"""Median absolute deviation to standard deviation, of a normal distribution."""
LEAST_SPREAD = 0.5
"""Of the standard deviation: the median deviation of a metric that rests most of the time is 0, and no measure of its work."""
LEAST_VALUES = 30
"""Values without which a level is not known."""
FURTHEST = 1e6
"""In spreads: what is beyond is as far."""


@dataclass(frozen=True)
class TrailingWindow:
    """A trailing window of `length` steps, taken anew every `block` steps from every `sampled`th of them."""

    length: int
    block: int
    sampled: int = 1

    @property
    def least(self) -> int:
        """Values without which it says nothing: a quarter."""
        return max(self.length // self.sampled // 4, 1)


@dataclass(frozen=True)
class Baseline:
    """A metric an element, in the metric's unit; NaN where the history has too few values.

    Attributes:
        middle: median.
        spread: median absolute deviation as a standard deviation, and `LEAST_SPREAD` of the standard deviation at the least.
        least: that floor in spreads, for baselines of shorter windows.
    """

    middle: Series
    spread: Series
    least: Series


def medians(values: Matrix, least: int = LEAST_VALUES) -> Matrix:
    """The median of each row; NaN where it has fewer than `least` values."""
    ordered, columns = np.sort(values, axis=1), values.shape[1]  # NaN last
    if columns >= least and not np.isnan(ordered[:, -1]).any():
        whole: Matrix = (ordered[:, (columns - 1) // 2] + ordered[:, columns // 2]) / 2
        return whole
    counts, rows = np.count_nonzero(~np.isnan(values), axis=1), np.arange(len(values))
    middle: Matrix = (ordered[rows, np.maximum(counts - 1, 0) // 2] + ordered[rows, np.minimum(counts // 2, columns - 1)]) / 2
    middle[counts < least] = np.nan
    return middle


def fit_baseline(history: Matrix) -> Baseline:
    """The baseline of each row of the history."""
    values = history.astype(np.float64)
    middle = medians(values)
    spread = CONSISTENT * medians(np.abs(values - middle[:, None]))
    deviation = _deviations(values)
    widest = np.maximum(spread, LEAST_SPREAD * deviation)
    least = np.divide(LEAST_SPREAD * deviation, widest, out=np.ones(len(widest)), where=widest > 0)
    return Baseline(middle.astype(np.float64), widest, least)


def standardise(values: Matrix, baseline: Baseline) -> Matrix:
    """Values in spreads from the middle, so that no unit matters; `FURTHEST` for any other value of what never changed."""
    off = values.astype(np.float64) - baseline.middle[:, None]
    spread = baseline.spread[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = np.where((off == 0) & (spread == 0), 0.0, off / spread)
    return np.clip(distances, -FURTHEST, FURTHEST).astype(np.float32)


def trailing(values: Matrix, first: int, start: int, span: TrailingWindow, is_spread_wanted: bool = True) -> tuple[Matrix, Matrix]:
    """Median, and deviation from it, over the steps before the block that a step is in. Nothing after a step is looked at.

    Args:
        values: a row a metric.
        first: the absolute number of the first column. Blocks and samples start at multiples of theirs, so that a step has one
            answer, wherever the columns begin.
        start: the first column to give an answer for.
        is_spread_wanted: else the deviations are NaN.

    Returns:
        A column a step from `start` on; NaN where too few values precede it.
    """
    shape = (len(values), values.shape[1] - start)
    middles, spreads = (np.full(shape, np.nan, dtype=values.dtype) for _ in range(2))
    column = start
    while column < values.shape[1]:
        boundary = column - (first + column) % span.block
        end, before = boundary + span.block, max(boundary - span.length, 0)
        window = values[:, before + -(first + before) % span.sampled : max(boundary, 0) : span.sampled]
        if window.shape[1] >= span.least:
            middle = medians(window, span.least)
            middles[:, column - start : end - start] = middle[:, None]
            if is_spread_wanted:
                spreads[:, column - start : end - start] = CONSISTENT * medians(np.abs(window - middle[:, None]), 1)[:, None]
        column = end
    return middles, spreads


def _deviations(values: Matrix) -> Series:
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=1), 1)
    filled = np.where(known, values, 0.0)
    off = np.where(known, filled - (filled.sum(axis=1) / n)[:, None], 0.0)
    deviations: Series = np.sqrt((off * off).sum(axis=1) / n)
    return deviations
