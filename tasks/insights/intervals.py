"""Intervals that hold at small n, as Polars expressions."""

from functools import cache

import polars as pl
from scipy.stats import binom, norm

CONFIDENCE = 0.95
Z = float(norm.ppf(0.5 + CONFIDENCE / 2))


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


@cache
def median_rank(n: int) -> int | None:
    """Rank r (from 1) such that the r-th smallest and r-th largest of n values enclose the median with at least 95 %.

    Exact, from order statistics: the largest r with P(Binomial(n, 1/2) < r) <= 2.5 % (David & Nagaraja, Order Statistics, 7.1).
    None under 6 values, where no pair does.
    """
    rank = int(binom.ppf((1 - CONFIDENCE) / 2, n, 0.5))
    return rank or None


def median_interval(sorted_values: list[float]) -> tuple[float | None, float | None]:
    """The 95 % interval of the median of ascending values; (None, None) under 6."""
    rank = median_rank(len(sorted_values)) if sorted_values else None
    return (sorted_values[rank - 1], sorted_values[-rank]) if rank else (None, None)
