"""Quantiles of lists and their intervals: exact integers, defining properties, coverage by simulation."""

import math
from itertools import accumulate

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.insights.statistics.quantiles import list_interval, list_quantile, quantile_ranks, with_median, with_p90

values = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


def lists(*rows: list[float]) -> pl.Series:
    return pl.Series([sorted(row) for row in rows], dtype=pl.List(pl.Float64))


def interval(row: list[float], q: float) -> tuple[float | None, float | None]:
    low, high = list_interval(lists(row), q)
    return low[0], high[0]


def test_ranks_of_the_median_are_exact_to_300() -> None:
    """The largest r with P(Binomial(n, 1/2) < r) <= 1/40, in integers: 40 * sum of C(n, i) for i < r <= 2^n; and its mirror."""
    for n in range(1, 301):
        below = accumulate(math.comb(n, i) for i in range(n))
        ranks = [r for r, ways in enumerate(below, 1) if 40 * ways <= 2**n]
        assert quantile_ranks(n, 0.5) == ((max(ranks), n + 1 - max(ranks)) if ranks else (None, None)), n


def test_ranks_of_the_90th_percentile_are_exact_to_100() -> None:
    """In integers, with C(n, i) * 9^i of 10^n ways to have i values below it."""
    for n in range(1, 101):
        below = [0, *accumulate(math.comb(n, i) * 9**i for i in range(n + 1))]
        lows = [r for r in range(1, n + 1) if 40 * below[r] <= 10**n]
        highs = [s for s in range(1, n + 1) if 40 * (10**n - below[s]) <= 10**n]
        assert quantile_ranks(n, 0.9) == (max(lows, default=None), min(highs, default=None)), n


def test_a_median_has_an_interval_from_six_values_on() -> None:
    assert interval([], 0.5) == (None, None)
    assert interval([1.0, 2.0, 3.0, 4.0, 5.0], 0.5) == (None, None)
    assert interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.5) == (1.0, 6.0)


def test_the_90th_percentile_of_30_values_has_no_upper_end() -> None:
    """0.9^30 = 4.2 %: so often all of them lie below it."""
    low, high = interval([float(n) for n in range(1, 31)], 0.9)
    assert (low, high) == (23.0, None)
    assert interval([float(n) for n in range(1, 37)], 0.9)[1] == 36.0


@given(values, st.floats(0.0, 1.0))
def test_quantile_is_interpolated_as_numpy_does(row: list[float], q: float) -> None:
    assert list_quantile(lists(row), q)[0] == pytest.approx(np.quantile(row, q), rel=1e-9, abs=1e-6)


@given(st.lists(st.floats(0, 1e6), min_size=6, max_size=200))
def test_a_median_lies_within_its_interval(row: list[float]) -> None:
    median, low, high = (column[0] for column in with_median(lists(row), "time"))
    assert min(row) <= low <= median <= high <= max(row)


def test_the_columns_are_named_after_what_they_are_of() -> None:
    assert [column.name for column in with_median(lists([1.0]), "time")] == ["time_seconds", "time_low", "time_high"]
    assert [column.name for column in with_p90(lists([1.0]), "late")] == ["late_seconds", "late_low", "late_high"]


def test_the_90th_percentile_needs_30_values() -> None:
    few, enough = [10.0 * n for n in range(1, 30)], [10.0 * n for n in range(1, 31)]
    p90, low, _ = with_p90(lists(few, enough, []), "time")
    assert p90.to_list() == [None, pytest.approx(271.0), None], "rank 0.9 * 29 = 26.1 from 0, a tenth of the way from 270 to 280"
    assert low.to_list() == [None, 230.0, None]


@pytest.mark.parametrize(("n", "q"), [(6, 0.5), (9, 0.5), (15, 0.5), (40, 0.5), (40, 0.9), (120, 0.9)])
def test_the_interval_covers_at_least_95_percent(n: int, q: float) -> None:
    """4,000 log-normal samples; the allowance is three standard errors of the share."""
    samples = np.sort(np.random.default_rng(n).lognormal(size=(4000, n)), axis=1)
    low, high = list_interval(pl.Series(samples.tolist()), q)
    truth = math.exp(1.2815515655446004) if q == 0.9 else 1.0
    assert ((low <= truth) & (truth <= high)).mean() >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 4000)
