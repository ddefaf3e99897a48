"""What the forest looks at: a metric's deviation, how it moves, and how many metrics do so at once."""

from dataclasses import dataclass

import numpy as np

from tasks.insights.detection.windows import Matrix, Windows

WORSTS = (1, 3, 8)
"""Sizes of the groups of most deviating metrics whose means are features of the host."""


@dataclass(frozen=True)
class Deviations:
    """A row a metric, a column a step, all of log z-scores.

    Attributes:
        level: the smaller distance from history and from the trailing day.
        recent: the distance from the shorter window's median.
        unrest: the deviation within the longer rolling window.
        others: movement, and the other rolling means and deviations.
    """

    level: Matrix
    recent: Matrix
    unrest: Matrix
    others: tuple[Matrix, ...]

    def families(self) -> tuple[Matrix, ...]:
        """All of them, in an order that the forest relies on."""
        return (self.level, self.recent, self.unrest, *self.others)


def rolling(values: Matrix, length: int) -> tuple[Matrix, Matrix]:
    """Mean and deviation of the last `length` columns, of fewer at the start."""
    sums, squares = (_running(v, length) for v in (values, values * values))
    n = np.minimum(np.arange(1, values.shape[1] + 1), length)
    mean = sums / n
    spread = np.sqrt(np.maximum(squares / n - mean * mean, 0))
    return mean.astype(values.dtype), spread.astype(values.dtype)


def derive(level: Matrix, recent: Matrix, windows: Windows) -> Deviations:
    """Movement and rolling statistics of log z-scores; nothing looks ahead."""
    moved = np.abs(np.diff(level, axis=1, prepend=level[:, :1]))
    (shorter_mean, shorter_unrest), (mean, unrest) = (rolling(level, length) for length in windows.rolling)
    return Deviations(level, recent, unrest, (moved, shorter_mean, shorter_unrest, mean))


def features(deviating: Deviations) -> Matrix:
    """A row a step: every family of every metric, then the means of each family's most deviating metrics."""
    families = deviating.families()
    return np.ascontiguousarray(np.concatenate([*families, *(_crowd(np.abs(family)) for family in families)]).T)


def _crowd(sizes: Matrix) -> Matrix:
    count, most = len(sizes), min(max(WORSTS), len(sizes))
    ordered = np.sort(np.partition(sizes, count - most, axis=0)[count - most :], axis=0)[::-1]
    rows = [ordered[: min(group, most)].mean(axis=0) for group in WORSTS]
    return np.stack([*rows, sizes.mean(axis=0)])


def _running(values: Matrix, length: int) -> Matrix:
    sums = np.cumsum(values, axis=1, dtype=np.float64)
    sums[:, length:] = sums[:, length:] - sums[:, :-length]
    return sums
