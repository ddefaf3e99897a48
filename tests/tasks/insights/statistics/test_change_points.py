"""Change points against orders counted by hand, an exact computation of the maximum, what must not matter, and simulations."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from tasks.insights.statistics.change_points import EDGE, VALUES_NEEDED, find_change, find_rate_change, q_values
from tasks.insights.statistics.tails import maximum_tail

SERIES = 500

measured = st.lists(st.integers(0, 40).map(float), min_size=VALUES_NEEDED, max_size=40).map(np.array)
counted = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=VALUES_NEEDED, max_size=40).map(np.array)


def flagged(found) -> float:
    """Share of the series in which a change is found at 5 %."""
    return float(np.mean([change is not None and change.p_value <= 0.05 for change in found]))


def noise(rng: np.random.Generator, days: int, correlation: float = 0.0) -> np.ndarray:
    """Normal series of variance 1, each day correlated with the one before."""
    steps = rng.standard_normal((SERIES, days))
    for day in range(1, days):
        steps[:, day] = correlation * steps[:, day - 1] + np.sqrt(1 - correlation**2) * steps[:, day]
    return steps


@pytest.mark.parametrize("before", [EDGE, 5, 9])
def test_a_step_without_noise_is_as_rare_as_its_order(before: int) -> None:
    """Of the C(n, k) ways to choose who comes first, 2 part the low values from the high."""
    change = find_change(np.array([10.0] * before + [20.0] * 9))
    assert change is not None
    assert change.index == before
    assert change.p_value >= 2 / comb(before + 9, before)
    assert change.p_value <= 0.05


@pytest.mark.parametrize("value", [0.0, 600.0])
def test_values_that_are_all_the_same_did_not_change(value: float) -> None:
    change = find_change(np.full(90, value))
    assert change is not None
    assert change.p_value == 1


@pytest.mark.parametrize("successes", [0, 3])
def test_a_rate_of_0_or_1_did_not_change(successes: int) -> None:
    change = find_rate_change(np.full(20, successes), np.full(20, 3))
    assert change is not None
    assert change.p_value == 1


def test_too_few_values_say_nothing() -> None:
    few = np.arange(VALUES_NEEDED - 1.0)
    assert find_change(few) is None
    assert find_change(np.append(few, 9.0)) is not None
    days = np.array([0, 9] * (VALUES_NEEDED - 1))
    assert find_rate_change(days, days) is None, "days without any are no values"


@given(measured)
def test_only_the_order_of_the_values_matters(values: np.ndarray) -> None:
    change = find_change(values)
    assert find_change(values**3 * 7 + 1) == change
    mirrored = find_change(-values)
    assert mirrored is not None
    assert mirrored.p_value == pytest.approx(change.p_value)


@given(measured)
def test_backwards_it_is_the_same_evidence(values: np.ndarray) -> None:
    change, backwards = find_change(values), find_change(values[::-1])
    assert change is not None
    assert 0 < change.p_value <= 1
    assert EDGE <= change.index <= len(values) - EDGE
    if backwards.index == len(values) - change.index:
        assert backwards.p_value == pytest.approx(change.p_value)


@given(counted, st.data())
def test_days_without_deployments_do_not_matter(counts: np.ndarray, data) -> None:
    totals, successes = counts.sum(1), counts[:, 0]
    change = find_rate_change(successes, totals)
    places = np.array(sorted(data.draw(st.lists(st.integers(0, len(totals)), max_size=6))), dtype=np.int64)
    later = find_rate_change(np.insert(successes, places, 0), np.insert(totals, places, 0))
    if change is None:
        assert later is None
    else:
        assert later.p_value == change.p_value
        assert later.index == change.index + np.sum(places <= change.index)
        assert totals[change.index] > 0


@given(counted)
def test_failures_change_when_successes_do(counts: np.ndarray) -> None:
    totals, successes = counts.sum(1), counts[:, 0]
    change, mirrored = find_rate_change(successes, totals), find_rate_change(totals - successes, totals)
    assert (change is None) == (mirrored is None)
    if change is not None and change.index == mirrored.index:
        assert mirrored.p_value == pytest.approx(change.p_value)


def exact_tail(z: float, times: np.ndarray) -> float:
    """P(|Z| reaches z), by integrating the Markov chain Z over a grid: correlation exp(-d/2) over d of log-odds."""
    grid, width = np.linspace(-z, z, 401, retstep=True)
    density = norm.pdf(grid)
    weights = np.full(len(grid), width)
    weights[[0, -1]] /= 2
    for step in np.diff(np.log(times / (1 - times))):
        rho = np.exp(-step / 2)
        density = norm.pdf(grid[:, None], rho * grid, np.sqrt(1 - rho**2)) @ (density * weights)
    return 1 - float(density @ weights)


@pytest.mark.parametrize("n", [20, 90])
@pytest.mark.parametrize("z", [3.0, 4.0, 5.0])
def test_the_tail_of_the_maximum_is_the_exact_one(n: int, z: float) -> None:
    times = np.arange(EDGE, n - EDGE + 1) / n
    assert maximum_tail(z, times) == pytest.approx(exact_tail(z, times), rel=0.15)


def test_at_one_time_the_maximum_is_one_value() -> None:
    assert maximum_tail(1.959963984540054, np.array([0.5])) == pytest.approx(0.05)


@pytest.mark.parametrize("days", [20, 40, 90])
def test_quiet_series_are_left_alone(days: int) -> None:
    rng = np.random.default_rng(days)
    assert flagged(find_change(values) for values in noise(rng, days)) <= 0.05


@pytest.mark.parametrize(("correlation", "bar"), [(0.3, 0.06), (0.5, 0.06)])
def test_days_that_are_like_the_day_before_are_no_change(correlation: float, bar: float) -> None:
    rng = np.random.default_rng(3)
    assert flagged(find_change(values) for values in noise(rng, 90, correlation)) <= bar


def test_outliers_are_no_change() -> None:
    rng = np.random.default_rng(4)
    durations = np.exp(0.7 * noise(rng, 90)) * np.where(rng.random((SERIES, 90)) < 0.05, 20, 1)
    assert flagged(map(find_change, durations)) <= 0.05


@pytest.mark.parametrize("rarely", [0.05, 0.5])
def test_coarse_values_are_no_change(rarely: float) -> None:
    """Whole seconds of short durations: only two values ever occur."""
    rng = np.random.default_rng(5)
    assert flagged(map(find_change, np.where(rng.random((SERIES, 90)) < rarely, 6.0, 5.0))) <= 0.05


def test_a_shift_of_one_and_a_half_deviations_is_found_where_it_is() -> None:
    values = noise(np.random.default_rng(6), 90)
    values[:, 45:] += 1.5
    found = [find_change(series) for series in values]
    assert np.mean([change.p_value <= 0.05 and abs(change.index - 45) <= 5 for change in found]) >= 0.9


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("most", [1, 10])
def test_quiet_rates_are_left_alone(rate: float, most: int) -> None:
    rng = np.random.default_rng(7)
    totals = rng.integers(1, most + 1, (SERIES, 90))
    assert flagged(map(find_rate_change, rng.binomial(totals, rate), totals)) <= 0.05


def test_two_days_on_which_everything_fails_are_no_change_of_the_rate() -> None:
    rng = np.random.default_rng(8)
    totals = rng.integers(1, 11, (SERIES, 90))
    successes = rng.binomial(totals, 0.97)
    for row in range(SERIES):
        bad = rng.integers(0, 90, 2)
        totals[row, bad], successes[row, bad] = 10, 0
    assert flagged(map(find_rate_change, successes, totals)) <= 0.05


def test_days_that_fail_in_a_row_are_no_change_of_the_rate() -> None:
    """One deployment a day, which ends like that of the day before in three of ten, else by chance."""
    rng = np.random.default_rng(10)
    successes, is_same = rng.binomial(1, 0.8, (SERIES, 90)), rng.random((SERIES, 90)) < 0.3
    for day in range(1, 90):
        successes[:, day] = np.where(is_same[:, day], successes[:, day - 1], successes[:, day])
    totals = np.ones(90, dtype=np.int64)
    assert flagged(find_rate_change(series, totals) for series in successes) <= 0.06


def test_a_rate_that_falls_is_found() -> None:
    """From .95 to .4 in the last 22 % of 60 deployments, one a day."""
    rng = np.random.default_rng(9)
    rates = np.where(np.arange(60) < 47, 0.95, 0.4)
    totals = np.ones(60, dtype=np.int64)
    assert flagged(find_rate_change(rng.binomial(1, rates), totals) for _ in range(SERIES)) >= 0.8


def test_q_values_are_benjamini_and_hochbergs() -> None:
    """Of four tests 4 x .01, 4/2 x .02 and 4/3 x .03 are all .04; what was not tested does not count."""
    assert q_values([0.03, None, 0.5, 0.01, 0.02]) == pytest.approx([0.04, None, 0.5, 0.04, 0.04])
    assert q_values([None, None]) == [None, None]
    assert q_values([]) == []
