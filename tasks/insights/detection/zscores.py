"""How unusual each value is by itself: the smaller of its distances from history and from the trailing day."""

import numpy as np

from tasks.insights.detection.baselines import Baseline, TrailingWindow, trailing
from tasks.insights.detection.windows import Matrix, Series, Windows

FURTHEST_Z = 200.0
"""Beyond it all is alike: a metric that never moves would outweigh the others with its first step."""
WORST = 3
"""Metrics that speak for the host: their mean is its z-score."""


def logarithm(distances: Matrix) -> Matrix:
    """sign * log(1 + |z|), |z| up to `FURTHEST_Z`."""
    return np.copysign(np.log1p(np.minimum(np.abs(distances), FURTHEST_Z)), distances)


def deviations(
    values: Matrix, baseline: Baseline, windows: Windows, first: int, start: int, judged: Matrix | None = None
) -> tuple[Matrix, Matrix]:
    """Log z-scores of standardised values, a column a step from `start` on; 0 where nothing was read.

    Args:
        values: in spreads of `baseline`.
        first: the absolute number of the first column.
        judged: what is held against the levels of `values`; these themselves if not given.

    Returns:
        The smaller of those against history and against the trailing day, which forgives what has been so for a day; and those
        against the median of the shorter window, which sees what came just now.
    """
    least = baseline.least.astype(values.dtype)[:, None]
    scored = (values if judged is None else judged)[:, start:]
    level, spread = trailing(values, first, start, TrailingWindow(windows.day, windows.block, windows.sampled))
    recent = (scored - level) / np.maximum(spread, least)
    nearest = np.where(np.abs(recent) < np.abs(scored), recent, scored)
    shorter, _ = trailing(values, first, start, TrailingWindow(windows.shorter, windows.shorter_block), is_spread_wanted=False)
    return np.nan_to_num(logarithm(nearest)), np.nan_to_num(logarithm(scored - shorter))


def worst_mean(deviating: Matrix, most: int = WORST) -> Series:
    """The mean of the largest absolute values of each column, of all of them where they are fewer."""
    most = min(most, len(deviating))
    if not most:
        return np.zeros(deviating.shape[1])
    largest = np.partition(np.abs(deviating), len(deviating) - most, axis=0)[len(deviating) - most :]
    mean: Series = largest.mean(axis=0, dtype=np.float64)
    return mean
