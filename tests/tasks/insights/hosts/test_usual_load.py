"""What is usual at a time of day: hours counted back from as_of, of 28 days before the last."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.insights.hosts.usual_load import DAYS, HOURS, Load, compare, irregular_bursts, load_of, usual_mean

N = HOURS * (DAYS + 1)


def load(busy=None, mean=None) -> Load:
    """Where an hour is not given nothing is busy; a fifth is in use."""
    minutes, means = np.zeros(N), np.full(N, 0.2)
    for ago, value in (busy or {}).items():
        minutes[ago] = value
    for ago, value in (mean or {}).items():
        means[ago] = value
    return Load(minutes, means)


def test_minutes_are_of_full_hours_and_hours_half_sampled_are_unknown() -> None:
    hours = [{"ago": ago, "samples": 240, "busy": 60, "mean": 0.4} for ago in range(24, 30)]
    found = load_of(
        [*hours, {"ago": 30, "samples": 119, "busy": 119, "mean": 1.0}, {"ago": 0, "samples": 80, "busy": 80, "mean": 1.0}]
    )
    assert found.busy[24] == pytest.approx(15)
    assert np.isnan(found.busy[30])
    assert np.isnan(found.mean[31])
    assert found.busy[0] == pytest.approx(20), "the run itself may be all that was sampled"


def test_a_host_without_hours_has_no_past() -> None:
    assert compare(load_of([]), 0, 0) == (0, 0, False)
    assert usual_mean(load_of([]), 0, 0) is None
    assert irregular_bursts(load_of([])) == 0


def test_days_that_had_half_of_it_were_as_busy() -> None:
    past = {24 * day: 15 for day in range(1, 4)} | {24 * day: 14 for day in range(4, 15)}
    assert compare(load({0: 30} | past), 0, 0) == (14, 3, False)


def test_an_hour_before_and_after_belongs_to_the_time_of_day() -> None:
    for shift in (-2, -1, 0, 1, 2):
        past = {24 * day + shift: 30 for day in range(1, 15)}
        assert compare(load({0: 30} | past), 0, 0).is_usual == (abs(shift) < 2)


def test_days_half_unknown_are_left_out() -> None:
    sparse = load({0: 30} | {24 * day: 30 for day in range(1, 15)})
    sparse.busy[23 : 24 * 12 + 2] = np.nan
    assert compare(sparse, 0, 0) == (2, 2, False)


def test_the_usual_mean_is_a_median_over_days_with_its_scatter() -> None:
    means = {24 * day + shift: 0.1 + 0.02 * day for day in range(1, 15) for shift in (-1, 0, 1)}
    median, scatter = usual_mean(load(mean=means), 0, 0) or (0, 0)
    assert median == pytest.approx(0.25)
    assert scatter == pytest.approx(1.4826 * 0.07)


def test_bursts_at_the_same_hour_are_regular_and_others_are_not() -> None:
    regular = {24 * day + 5 + day % 2: 5 for day in range(1, DAYS + 1)}
    odd = {24 * day + 9 + day % 12: 5 for day in range(1, DAYS + 1, 2)}
    assert irregular_bursts(load(regular)) == 0
    assert irregular_bursts(load(regular | odd)) == pytest.approx(0.5)


@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1), st.integers(0, 23), st.integers(0, 30))
def test_counts_fit_whatever_was_sampled(seed: int, gaps: float, idle: float, newest: int, longer: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(N) < gaps, np.nan, np.where(rng.random(N) < idle, 0, rng.uniform(0, 60, N)))
    given_load = Load(values, values / 60)
    days, as_busy, is_usual = compare(given_load, newest, newest + longer)
    assert 0 <= as_busy <= days <= 14
    assert not is_usual or days >= 3 or as_busy >= 1
    assert 0 <= irregular_bursts(given_load) <= 1
    usual = usual_mean(given_load, newest, newest + longer)
    assert usual is None or (0 <= usual[0] <= 1 and usual[1] >= 0)


@given(st.floats(1, 60), st.integers(0, 23), st.integers(0, 30))
def test_days_that_are_all_alike_are_usual(share: float, newest: int, longer: int) -> None:
    assert compare(Load(np.full(N, share), np.full(N, 0.5)), newest, newest + longer).is_usual
