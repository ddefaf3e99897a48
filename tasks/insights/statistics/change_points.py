"""Whether and where the level of a daily series changed: one step at any day, with a p-value corrected for the search over all."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.special import ndtri
from scipy.stats import false_discovery_control

from tasks.insights.statistics.intervals import Counts, Values
from tasks.insights.statistics.tails import NOTHING, bounded_z, fisher_z, maximum_tail, permutation_z

FALSE_DISCOVERIES = 0.05
"""Share of the changes called that may be none (q)."""
DURATION_FLOOR = 1.2
"""A change that is certain, yet a smaller ratio of durations than this or its inverse, is nobody's concern."""
VALUES_NEEDED = 8
EDGE = 3
"""Values on each side of a change at the least: fewer are outliers, not a level."""


@dataclass(frozen=True)
class Change:
    """The likeliest change of level of a series.

    Attributes:
        index: the first element after it.
        p_value: of no change anywhere; corrected for the search, and for serial correlation where there is a measure of it.
    """

    index: int
    p_value: float


def find_change(values: Values) -> Change | None:
    """Find the likeliest step of a series of finite values in their order; gaps are left out.

    The normal scores of the ranks are summed up to each split (as Pettitt, Applied Statistics 28, 1979, sums the ranks), and each
    sum becomes the z of its tail under all orders of the values: outliers do not matter, and the null is the same whatever the
    distribution. The greatest z is deflated by the lag-1 correlation of what the step leaves over.

    Returns:
        None under `VALUES_NEEDED` values.
    """
    n = len(values)
    if n < VALUES_NEEDED:
        return None
    scores, splits = _normal_scores(values), np.arange(EDGE, n - EDGE + 1)
    z = permutation_z(scores, splits)
    best = int(np.argmax(z))
    split = int(splits[best])
    tail = maximum_tail(bounded_z(float(z[best]) * _deflation(_serial_correlation(scores, split)), n), splits / n)
    return Change(split, max(tail, 2 / comb(n, split)))


def find_rate_change(successes: Counts, totals: Counts) -> Change | None:
    """Find the likeliest step of a rate, of daily counts in their order; days without any do not matter.

    At each split the tail of the successes before it, given all counts (Fisher's), becomes the z of the same tail. The greatest z
    is deflated where the days scatter more than independent trials would, or a day is like the day before.

    Returns:
        None under `VALUES_NEEDED` days that have any; else the index in the given days.
    """
    days = np.flatnonzero(totals)
    if len(days) < VALUES_NEEDED:
        return None
    hits, trials = successes[days], totals[days]
    splits, n = np.arange(EDGE, len(days) - EDGE + 1), int(trials.sum())
    before = np.cumsum(trials)[splits - 1]
    z = fisher_z(np.cumsum(hits)[splits - 1], before, int(hits.sum()), n)
    best = int(np.argmax(z))
    split = int(splits[best])
    return Change(int(days[split]), maximum_tail(float(z[best]) * _rate_deflation(hits, trials, split), before / n))


def q_values(p_values: Sequence[float | None]) -> list[float | None]:
    """The p-values with false discoveries controlled over all of them (Benjamini & Hochberg 1995); None, not tested, stays None."""
    tested = [p for p in p_values if p is not None]
    adjusted = iter(false_discovery_control(tested, method="bh").tolist() if tested else [])
    return [None if p is None else next(adjusted) for p in p_values]


def _normal_scores(values: Values) -> Values:
    """Van der Waerden's scores, of mean 0; equal values share the mean of theirs."""
    n = len(values)
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    sums = np.diff(np.cumsum(ndtri(np.arange(1, n + 1) / (n + 1)))[ends - 1], prepend=0.0)
    scores = (sums / sizes)[group]
    centred: Values = scores - scores.mean()
    return centred


def _serial_correlation(scores: Values, split: int) -> float:
    """Lag-1 correlation of the scores around the levels on both sides, less its bias: about -4/n, as the split is a chosen one."""
    n = len(scores)
    rest = np.concatenate([side - side.mean() for side in np.split(scores, [split])])
    squares, products = float(rest @ rest), float(rest[1:] @ rest[:-1])
    return (products / squares + 4 / n) / (1 - 4 / n) if squares > NOTHING else 0.0


def _rate_deflation(hits: Counts, trials: Counts, split: int) -> float:
    """1 / square root of how much wider sums of days are than of independent trials, given the counts on either side."""
    expected = squares = products = 0.0
    for side in (slice(None, split), slice(split, None)):
        k, m = hits[side], trials[side]
        n, rate = m.sum(), k.sum() / m.sum()
        rest, unit = k - m * rate, rate * (1 - rate) / max(float(n) - 1, 1.0)
        expected += unit * float(m @ (n - m))
        squares += float(rest @ rest)
        products += float(rest[1:] @ rest[:-1]) + unit * float(m[1:] @ m[:-1])
    if expected <= 0 or squares <= 0:
        return 1.0
    return _deflation(products / squares) / float(np.sqrt(max(1.0, squares / expected)))


def _deflation(phi: float) -> float:
    """1 / square root of how much wider sums are where neighbours correlate with phi >= 0 (AR(1)) than where they do not."""
    bounded = min(max(phi, 0.0), 0.95)
    return float(np.sqrt((1 - bounded) / (1 + bounded)))
