"""Tails of the sums that a search for a change point looks at, as the z of the normal distribution with the same tail."""

import numpy as np
from scipy.special import gammaincc, ndtr, ndtri, stdtr
from scipy.stats import hypergeom

from tasks.insights.statistics.intervals import Counts, Values

SYMMETRIC = 1e-3
"""Skewness below which a distribution is taken for symmetric."""
TINY = 1e-300
NOTHING = 1e-9
"""What rounding leaves of a sum of squares of scores, which are of the order of 1, where they are all the same."""


def maximum_tail(z: float, times: Values) -> float:
    """P(|Z| reaches z at any of the times), Z a Brownian bridge over its standard deviation, both ends included.

    In log-odds of time Z is stationary with correlation exp(-|d|/2), so each step d adds z phi(z) nu(z sqrt(d)) d (James, James &
    Siegmund, Biometrika 74, 1987), with nu as in Siegmund & Yakir (The Statistics of Gene Mapping, 2007); and no more than
    its own tail.
    """
    if z <= 0:
        return 1.0
    steps = np.diff(np.log(times / (1 - times)))
    tail = 2 * float(ndtr(-z))
    crossings = z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * _nu(z * np.sqrt(steps)) * steps
    return min(1.0, tail + float(np.minimum(crossings, tail).sum()))


def permutation_z(scores: Values, splits: Counts) -> Values:
    """|z| of the sum of the scores up to each split, over all orders of them.

    Mean, variance and skewness of such a sum are known exactly, and a gamma distribution of the same three gives the tail
    (Pearson's type III; Mielke & Berry, Permutation Methods, 2007). Without ties the skewness is 0, and that is the normal one.
    """
    n, squares = len(scores), float(scores @ scores)
    if squares < NOTHING:
        return np.zeros(len(splits))
    z = np.cumsum(scores)[splits - 1] / np.sqrt(squares / (n - 1) * splits * (n - splits) / n)
    skewness = float(np.sum(scores**3)) / n / (squares / n) ** 1.5
    skew = np.sign(z) * skewness * (n - 2 * splits) / np.sqrt(splits * (n - splits)) * np.sqrt(n - 1) / (n - 2)
    return np.abs(z) if abs(skewness) < SYMMETRIC else _gamma_z(np.abs(z), skew)


def bounded_z(z: float, n: int) -> float:
    """The z of the same tail, where the sum of n fixed scores cannot exceed sqrt(n - 1).

    z/sqrt(n - 1) is a correlation, with the tail of Student's t of n - 2 degrees (Conover & Iman, American Statistician 35, 1981).
    """
    share = min(z * z / (n - 1), 1 - 1e-12)
    return -float(ndtri(max(stdtr(n - 2, -np.sqrt(share * (n - 2) / (1 - share))), TINY)))


def fisher_z(hits: Counts, before: Counts, successes: int, n: int) -> Values:
    """|z| of the successes among the `before` first of n trials, given all of them; where they are many, of the few in the others.

    Half of the probability of the very count is left out (mid-p; Lancaster, JASA 56, 1961), for counts come in steps.
    """
    is_few = hits * n < before * successes
    few, among = np.where(is_few, hits, successes - hits), np.where(is_few, before, n - before)
    tail = hypergeom.cdf(few, n, successes, among) - hypergeom.pmf(few, n, successes, among) / 2
    z: Values = -ndtri(np.clip(tail, TINY, 0.5))
    # Beyond the smallest number all tails are alike, but the likeliest split still stands out.
    spread = np.sqrt(successes / n * (n - successes) / n * before * (n - before) / max(n - 1, 1))
    return np.where(tail < TINY, np.maximum(z, np.abs(hits - before * (successes / n)) / np.maximum(spread, TINY)), z)


def _gamma_z(z: Values, skew: Values) -> Values:
    """z where the tail is the shorter one: that errs on the side of no change."""
    shape = 4 / np.maximum(skew, SYMMETRIC) ** 2
    tail = gammaincc(shape, shape + z * np.sqrt(shape))
    result: Values = np.where(skew < SYMMETRIC, z, -ndtri(np.clip(tail, TINY, 0.5)))
    return result


def _nu(x: Values) -> Values:
    half: Values = ndtr(x / 2)
    result: Values = (2 / x) * (half - 0.5) / (x / 2 * half + np.exp(-x * x / 8) / np.sqrt(2 * np.pi))
    return result
