"""The median of times some of which go on: by hand, against properties, and by simulation."""

from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.insights.statistics.kaplan_meier import CensoredMedian, censored_median, with_censored_median

times = st.lists(st.floats(1, 1e6), max_size=30)
days = st.lists(st.integers(1, 30), max_size=60)


def median(ended: list[float], unended: list[float]) -> CensoredMedian:
    return censored_median(np.array(ended, dtype=float), np.array(unended, dtype=float))


@pytest.mark.parametrize(
    ("ended", "unended", "expected"),
    [
        ([], [], None),
        ([], [5.0], None),
        ([7.0], [], 7.0),
        ([1.0, 2.0, 3.0], [], 2.0),
        ([600.0, 1200.0], [3600.0], 1200.0),
        ([600.0], [3600.0], 600.0),
        ([600.0], [700.0, 800.0], None),
        ([10.0, 30.0], [20.0], 30.0),
        ([10.0], [10.0], 10.0),
        ([1.0, 2.0, 2.0, 4.0, 4.0, 5.0, 5.0], [4.0, 5.0, 5.0], 4.0),
        ([2.0, 3.0, 5.0], [1.0, 4.0, 6.0, 7.0, 8.0], None),
        ([2.0, 3.0, 5.0, 6.0], [1.0, 4.0, 7.0, 8.0, 9.0], 6.0),
    ],
    ids=[
        "nothing",
        "only one that goes on",
        "one",
        "three",
        "survival 2/3, then 1/3",
        "survival 1/2",
        "survival 2/3 and no more",
        "survival 2/3, then one at risk",
        "what goes on at an end was at risk",
        "survival 9/10, 7/10, 5/10, which is 0.5000000000000001 by floats",
        "survival 6/7, 5/7, 15/28",
        "survival 7/8, 6/8, 3/5, 9/20",
    ],
)
def test_worked_out_by_hand(ended: list[float], unended: list[float], expected: float | None) -> None:
    assert median(ended, unended).median == expected


def test_a_textbook_example() -> None:
    """Remission times of leukaemia patients under 6-MP (Freireich 1963; Lawless, Statistical Models and Methods for Lifetime Data):
    the median is 23 weeks, and its interval begins at 13 and has no end."""
    ended = [6.0, 6.0, 6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0]
    unended = [6.0, 9.0, 10.0, 11.0, 17.0, 19.0, 20.0, 25.0, 32.0, 32.0, 34.0, 35.0]
    assert median(ended, unended) == CensoredMedian(23.0, 13.0, None)


def exact_median(ended: list[int], unended: list[int]) -> int | None:
    survival = Fraction(1)
    for time in sorted(set(ended)):
        at_risk = sum(lasting >= time for lasting in ended + unended)
        survival *= Fraction(at_risk - ended.count(time), at_risk)
        if survival <= Fraction(1, 2):
            return time
    return None


@given(days, days)
def test_it_is_where_the_exact_survival_falls_to_a_half(ended: list[int], unended: list[int]) -> None:
    assert median(ended, unended).median == exact_median(ended, unended)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.lists(st.integers(1, 12), max_size=4))
def test_where_half_of_them_are_gone_survival_is_a_half(ends: list[int], unended: list[int]) -> None:
    """`ends` at each day, and as many go on; then with some that end their watch on the way."""
    ended = [day for day, count in enumerate(ends, 1) for _ in range(count)]
    lasting = [len(ends) + 1] * len(ended)
    assert median(ended, lasting).median == len(ends)
    assert median(ended, lasting + unended).median == exact_median(ended, lasting + unended)


@given(st.integers(1, 10_000), st.integers(1, 4), st.booleans())
def test_of_thousands_of_times_half_is_half(pairs: int, together: int, is_one_more: bool) -> None:
    """All end, `together` at each time: half of them are gone at the middle time, and of one more that goes on at the next."""
    ended = np.repeat(np.arange(2.0 * pairs), together)
    found = censored_median(ended, np.full(int(is_one_more), 1e9)).median
    assert found == pairs - (not is_one_more)


@given(times, times)
def test_the_median_lies_within_its_interval(ended: list[float], unended: list[float]) -> None:
    found = median(ended, unended)
    assert found.median is None or found.median in ended
    if found.low is not None and found.median is not None:
        assert found.low <= found.median
    if found.high is not None:
        assert found.median <= found.high


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=30))
def test_without_any_that_goes_on_it_is_the_lower_middle_value(ended: list[float]) -> None:
    assert median(ended, []).median == sorted(ended)[(len(ended) - 1) // 2]


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=20), times)
def test_one_more_that_goes_on_never_makes_it_shorter(ended: list[float], unended: list[float]) -> None:
    before, after = median(ended, unended).median, median(ended, [*unended, max(ended)]).median
    assert after is None or (before is not None and after >= before)


@pytest.mark.parametrize(("n", "censored"), [(8, 0.0), (8, 0.3), (15, 0.1), (40, 0.3)])
def test_its_interval_covers_94_percent(n: int, censored: float) -> None:
    """1,500 log-normal samples with random censoring, those with 6 that ended; three standard errors allowed."""
    draw, covered = np.random.default_rng(n), []
    for _ in range(1500):
        lasting = draw.lognormal(size=n)
        seen_until = draw.exponential(1.6 / censored, size=n) if censored else np.full(n, np.inf)
        found = censored_median(lasting[lasting <= seen_until], seen_until[lasting > seen_until])
        if found.low is not None:
            covered.append(found.low <= 1.0 <= (np.inf if found.high is None else found.high))
    assert len(covered) > 500
    assert np.mean(covered) >= 0.94 - 3 * np.sqrt(0.94 * 0.06 / len(covered))


def test_columns_of_lists() -> None:
    ended, unended = (pl.Series(rows, dtype=pl.List(pl.Float64)) for rows in ([[600.0, 1200.0], []], [[3600.0], []]))
    seconds, low, high = with_censored_median(ended, unended, "recovery")
    assert [column.name for column in (seconds, low, high)] == ["recovery_seconds", "recovery_low", "recovery_high"]
    assert (seconds.to_list(), low.to_list(), high.to_list()) == ([1200.0, None], [None, None], [None, None])
