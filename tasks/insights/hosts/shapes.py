"""Whether a series is better described by a step or a warm-up than by a line: what grew once, and will not go on."""

import numpy as np
from numpy.typing import NDArray

from tasks.insights.statistics.intervals import Values

STRONG = 6.0
"""So much less of the Bayesian information criterion is strong evidence (Raftery 1995)."""
WARM_UPS = (1 / 12, 1 / 6, 1 / 4)
"""Time constants of warm-ups, as shares of the window: with longer ones a warm-up looks like a line."""
NOTHING = 1e-6
"""Scatter below this share of the level is none."""


def is_line(values: Values) -> bool:
    """Whether neither one step, nor two, nor a warm-up that begins anywhere is strongly better than a line.

    Args:
        values: at least 6, of one distance in time or nearly so, of a level of about 1.
    """
    n = len(values)
    times = np.arange(n, dtype=float)
    line = _criterion(_best_fit(values, times[None, :]), n, 2)
    others = (
        _criterion(_best_fit(values, _steps(times)), n, 3),
        _criterion(_best_two_steps(values), n, 5),
        _criterion(_best_fit(values, _warm_ups(times)), n, 3),
    )
    return min(others) > line - STRONG


def _criterion(squares: float, n: int, parameters: int) -> float:
    """Schwarz's criterion of normal residuals with this sum of squares."""
    return n * float(np.log(squares / n + NOTHING**2)) + parameters * float(np.log(n))


def _steps(times: Values) -> Values:
    return (times >= times[1:, None]).astype(float)


def _warm_ups(times: Values) -> Values:
    """1 - exp(-t / tau) from each of the times on, the last two left out, for each time constant."""
    since = np.maximum(times - times[:-2, None], 0.0)
    curves: Values = np.concatenate([1 - np.exp(-since / (share * len(times))) for share in WARM_UPS])
    return curves


def _best_fit(values: Values, shapes: NDArray[np.float64]) -> float:
    """The least sum of squares of level + factor x shape, over the shapes (one a row)."""
    centred, shapes = values - values.mean(), shapes - shapes.mean(axis=1, keepdims=True)
    explained = (shapes @ centred) ** 2 / (shapes**2).sum(axis=1)
    return max(0.0, float(centred @ centred - explained.max()))


def _best_two_steps(values: Values) -> float:
    """The least sum of squares around three levels, one after the other."""
    n = len(values)
    centred = values - values.mean()
    sums = np.concatenate([[0.0], np.cumsum(centred)])
    first, second = (index + 1 for index in np.triu_indices(n - 1, 1))
    explained = sum((sums[end] - sums[begin]) ** 2 / (end - begin) for begin, end in ((0, first), (first, second), (second, n)))
    return max(0.0, float(centred @ centred - np.max(explained)))
