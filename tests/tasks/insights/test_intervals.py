"""Intervals against published figures, their defining properties, exact integers, and simulation."""

import math
from itertools import accumulate

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.insights.intervals import Z, median_interval, median_rank, wilson_high, wilson_low

NEWCOMBE = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
"""Successes, n, and the 95 % score interval: Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""


def wilson(successes: int, n: int) -> tuple[float | None, float | None]:
    frame = pl.DataFrame({"k": [successes], "n": [n]})
    return frame.select(low=wilson_low(pl.col("k"), pl.col("n")), high=wilson_high(pl.col("k"), pl.col("n"))).row(0)


@pytest.mark.parametrize(("successes", "n", "low", "high"), NEWCOMBE)
def test_wilson_gives_the_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_bounds_solve_the_score_equation(counts: tuple[int, int]) -> None:
    successes, n = counts
    rate = successes / n
    low, high = wilson(successes, n)
    assert 0 <= low <= rate <= high <= 1
    for bound in (low, high):
        assert (rate - bound) ** 2 == pytest.approx(Z**2 * bound * (1 - bound) / n, abs=1e-9)
    assert low < rate or rate == 0
    assert high > rate or rate == 1


@given(st.integers(1, 1_000_000))
def test_wilson_is_exact_at_the_edges(n: int) -> None:
    assert wilson(0, n)[0] == 0.0
    assert wilson(n, n)[1] == 1.0


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_of_failures_mirrors_that_of_successes(counts: tuple[int, int]) -> None:
    successes, n = counts
    low, high = wilson(successes, n)
    assert wilson(n - successes, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_wilson_without_observations_is_null() -> None:
    assert wilson(0, 0) == (None, None)


def test_median_rank_is_exact_to_300() -> None:
    """The largest r with P(Binomial(n, 1/2) < r) <= 1/40, in integers: 40 * sum of C(n, i) for i < r <= 2^n."""
    for n in range(1, 301):
        below = accumulate(math.comb(n, i) for i in range(n))
        ranks = [r for r, ways in enumerate(below, 1) if 40 * ways <= 2**n]
        assert median_rank(n) == (max(ranks) if ranks else None), n


def test_median_needs_six_values() -> None:
    assert median_interval([]) == (None, None)
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) == (None, None)
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == (1.0, 6.0)


@given(st.lists(st.floats(0, 1e6), min_size=6, max_size=200))
def test_median_lies_within_its_interval(values: list[float]) -> None:
    low, high = median_interval(sorted(values))
    assert min(values) <= low <= np.median(values) <= high <= max(values)


@pytest.mark.parametrize("n", [6, 9, 15, 40])
def test_median_interval_covers_at_least_95_percent(n: int) -> None:
    """4,000 lognormal samples; the allowance is three standard errors of the share."""
    samples = np.sort(np.random.default_rng(n).lognormal(size=(4000, n)), axis=1)
    covered = np.mean([low <= 1.0 <= high for low, high in map(median_interval, samples.tolist())])
    assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 4000)


def test_wilson_coverage_over_rates_averages_95_percent() -> None:
    """Exact coverage, by the binomial, of every n to 40 over 50 rates; Wilson's average is nominal, its minimum is lower."""
    coverages = []
    for n in (5, 10, 20, 40):
        bounds = [wilson(k, n) for k in range(n + 1)]
        for rate in np.linspace(0.01, 0.99, 50):
            inside = [k for k, (low, high) in enumerate(bounds) if low <= rate <= high]
            coverages.append(sum(math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in inside))
    assert np.mean(coverages) == pytest.approx(0.95, abs=0.01)
    assert min(coverages) > 0.80
