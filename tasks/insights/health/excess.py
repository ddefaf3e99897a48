"""How unlikely an hour's share of slow or failed requests is, given the same operation's last four weeks."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln
from scipy.stats import false_discovery_control

from tasks.insights.statistics.intervals import Counts, Values

DAYS, HOURS = 28, 24
"""What is compared with, and a day of it."""
DAYS_NEEDED = 7
FAR = 4.0
"""Days so many robust standard deviations above the median day are left out, so that an incident does not become usual at once."""
LEAST_CORRELATION = 1e-6
NEGLIGIBLE = 1e-9


class Usual(NamedTuple):
    """What an operation's share is usually like; each of shape (operations,), NaN with too few days.

    Attributes:
        share: its mean.
        correlation: of two requests of one hour, what hours scatter more than independent requests would, and what the mean is
            uncertain by.
    """

    share: Values
    correlation: Values


def fit_usual(hits: Counts, totals: Counts) -> Usual:
    """Mean and correlation by moments (Kleinman, JASA 68, 1973).

    Args:
        hits, totals: slow or failed requests and all of them, of shape (operations, days, hours of the day).
    """
    present = totals.sum(axis=2) > 0
    kept = _ordinary_days(hits.sum(axis=2), totals.sum(axis=2))
    k, n = hits * kept[:, :, None], totals * kept[:, :, None]
    size = n.sum(axis=(1, 2))
    share = (k.sum(axis=(1, 2)) + 0.5) / (size + 1)
    unit, mean = share * (1 - share), share[:, None, None]
    excess = ((k - n * mean) ** 2).sum(axis=(1, 2)) - unit * size
    pairs = (n * (n - 1.0)).sum(axis=(1, 2))
    correlation = np.clip(excess / np.maximum(unit * pairs, NEGLIGIBLE), LEAST_CORRELATION, 0.5)
    uncertain = (size + pairs * correlation) / np.maximum(size, 1) ** 2
    is_known = present.sum(axis=1) >= DAYS_NEEDED
    return Usual(np.where(is_known, share, np.nan), np.where(is_known, np.minimum(correlation + uncertain, 0.9), np.nan))


def _ordinary_days(hits: Counts, totals: Counts) -> NDArray[np.bool_]:
    """The days with requests that are not far above the median one, by how days scatter (median absolute deviation), or chance."""
    present = totals > 0
    shares = np.where(present, hits / np.maximum(totals, 1), np.nan)
    shares[~present.any(axis=1)] = 0.0
    middle = np.nanmedian(shares, axis=1, keepdims=True)
    scatter = 1.4826 * np.nanmedian(np.abs(shares - middle), axis=1, keepdims=True)
    size = np.maximum(totals, 1)
    chance = np.sqrt(np.maximum(middle, 1 / size) / size)
    ordinary: NDArray[np.bool_] = present & (np.nan_to_num(shares) <= middle + FAR * np.maximum(scatter, chance))
    return ordinary


def excess_tail(hits: Counts, totals: Counts, usual: Usual) -> Values:
    """P(as many hits or more among the totals) of a beta-binomial distribution; NaN where the usual is not known.

    Args:
        hits, totals: of one shape, the last axis over the operations.
    """
    strength = 1 / usual.correlation - 1
    a, b = usual.share * strength, (1 - usual.share) * strength
    k, n = hits.astype(float), totals.astype(float)
    log_term = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + betaln(k + a, n - k + b) - betaln(a, b)
    term = np.exp(log_term)
    tail = term.copy()
    # Each term from the one before it, until what is left cannot matter.
    while np.any(term > NEGLIGIBLE * tail):
        term = term * (n - k) * (k + a) / ((k + 1) * (n - k - 1 + b))
        tail += term
        k = np.minimum(k + 1, n)
    capped: Values = np.minimum(tail, 1.0)
    return capped


def q_over_operations(tails: Values) -> Values:
    """The tails of each hour with false discoveries controlled over the operations (Benjamini & Hochberg 1995).

    Args:
        tails: of shape (hours, operations), NaN where not tested.
    """
    adjusted = np.full(tails.shape, np.nan)
    for hour, tested in enumerate(np.isfinite(tails)):
        if tested.any():
            adjusted[hour, tested] = false_discovery_control(tails[hour, tested], method="bh")
    return adjusted
