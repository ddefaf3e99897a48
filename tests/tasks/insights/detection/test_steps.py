"""How often a host is sampled, and the means over that."""

import numpy as np
import pytest

from tasks.insights.detection.judging import without_anomalies
from tasks.insights.detection.planning import Plan, groups
from tasks.insights.detection.steps import find_step, to_steps
from tasks.insights.detection.windows import Windows, windows_of


@pytest.mark.parametrize(("every", "step"), [(1, 1), (2, 2), (3, 2), (5, 5), (7, 5), (60, 60), (300, 60)])
def test_the_step_is_no_longer_than_the_usual_time_between_readings(every: int, step: int) -> None:
    values = np.full((2, 4000), np.nan)
    values[0, ::every] = 1.0
    values[:, 1000:1400] = np.nan
    assert find_step(values) == step


def test_one_reading_or_none_is_a_minute() -> None:
    assert find_step(np.full((1, 10), np.nan)) == 1
    assert find_step(np.array([[np.nan, 1.0]])) == 1


def test_a_step_is_the_mean_of_the_minutes_that_were_read() -> None:
    values = np.array([[1.0, 3.0, np.nan, np.nan, 4.0, np.nan, 8.0]])
    np.testing.assert_array_equal(to_steps(values, 2), [[2.0, np.nan, 4.0, 8.0]])


def test_a_minute_has_the_default_lengths_and_five_minutes_a_fifth_of_them() -> None:
    assert windows_of(1) == Windows()
    assert (windows_of(5).day, windows_of(5).shorter, windows_of(5).held, windows_of(5).merged) == (288, 36, 12, 2)


def test_days_that_were_anomalous_throughout_are_learned_and_single_minutes_are_not() -> None:
    history = np.ones((1, 200))
    cleaned = without_anomalies(history, np.array([3, 4, *range(100, 150)]), day=100)
    assert np.flatnonzero(np.isnan(cleaned[0])).tolist() == [3, 4]


def test_hosts_are_read_in_groups_that_fit_and_one_that_does_not_fit_alone() -> None:
    sizes = (("a", 2), ("b", 2), ("c", 9), ("d", 1), ("e", 4), ("f", 1))
    plans = [Plan(name, (("m", ""),) * size, 0, 0, None) for name, size in sizes]
    assert [[plan.host for plan in group] for group in groups(plans, end=10, most=50)] == [["a", "b"], ["c"], ["d", "e"], ["f"]]
