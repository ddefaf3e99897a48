"""95 % intervals of rates, that hold at small n."""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import beta, chi2, norm

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
Z = float(norm.isf(TAIL))

Counts = NDArray[np.int64]
Values = NDArray[np.float64]


def with_rate(name: str, successes: str, n: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """The columns `name`, `name`_low and `name`_high: a rate with Wilson's interval; NULL where n is 0."""
    rate = pl.when(pl.col(n) > 0).then(pl.col(successes) / pl.col(n))
    low, high = wilson_low(pl.col(successes), pl.col(n)), wilson_high(pl.col(successes), pl.col(n))
    return rate.alias(name), low.alias(f"{name}_low"), high.alias(f"{name}_high")


def wilson_low(successes: pl.Expr, n: pl.Expr) -> pl.Expr:
    """Lower end of the 95 % score interval of a rate (Wilson, JASA 22, 1927); NULL where n is 0."""
    return _wilson(successes, n, -1)


def wilson_high(successes: pl.Expr, n: pl.Expr) -> pl.Expr:
    """Upper end of the 95 % score interval of a rate (Wilson, JASA 22, 1927); NULL where n is 0."""
    return _wilson(successes, n, 1)


def _wilson(successes: pl.Expr, n: pl.Expr, sign: int) -> pl.Expr:
    rate = successes / n
    centre = rate + Z**2 / (2 * n)
    spread = Z * (rate * (1 - rate) / n + Z**2 / (4 * n**2)).sqrt()
    bound = ((centre + sign * spread) / (1 + Z**2 / n)).clip(0.0, 1.0)
    edge = pl.when(successes == n if sign > 0 else successes == 0).then(1.0 if sign > 0 else 0.0)
    return pl.when(n > 0).then(edge.otherwise(bound))


def with_exact_interval(name: str, successes: pl.Series, n: pl.Series) -> list[pl.Series]:
    """The columns `name`_low and `name`_high: the 95 % interval of a rate that covers it at least so often, whatever it is
    (Clopper & Pearson, Biometrika 26, 1934); NULL where n is 0."""
    k, trials = successes.to_numpy(), n.to_numpy()
    low = np.where(k == 0, 0.0, beta.ppf(TAIL, k, trials - k + 1))
    high = np.where(k == trials, 1.0, beta.isf(TAIL, k + 1, trials - k))
    ends = (("low", low), ("high", high))
    return [pl.Series(f"{name}_{end}", np.where(trials > 0, values, np.nan)).fill_nan(None) for end, values in ends]


def with_poisson_rate(name: str, events: pl.Series, spans: pl.Series) -> list[pl.Series]:
    """The columns `name`, `name`_low and `name`_high: events over their spans, with the exact 95 % interval of what was to be
    expected (Garwood, Biometrika 28, 1936)."""
    count, span = events.to_numpy(), spans.to_numpy()
    low, high = np.where(count == 0, 0.0, chi2.ppf(TAIL, 2 * count) / 2), chi2.isf(TAIL, 2 * count + 2) / 2
    return [pl.Series(f"{name}{end}", values / span) for end, values in (("", count), ("_low", low), ("_high", high))]
