"""What leaks and what does not, by hand and in reduced simulations; benchmarks/calibration/leaks.py has the figures."""

import numpy as np
import pytest

from tasks.insights.hosts.leaks import DAY, HOURS, WEEK, find_trend, is_held
from tests.memory_series import HARDER, QUIET, Memory, leaking, lows


def known(values: np.ndarray) -> np.ndarray:
    """The last hours, as if there were none before."""
    return np.concatenate([np.full(max(0, HOURS - len(values)), np.nan), values])[-HOURS:]


def is_leak(values: np.ndarray) -> bool:
    found = find_trend(known(values))
    return found is not None and found.is_leak


def test_a_leak_has_its_slope_a_day_in_the_short_window() -> None:
    found = find_trend(known(100 + 0.5 * np.arange(24.0)))
    assert (found.is_leak, found.window) == (True, DAY)
    assert found.growth.slope == pytest.approx(12)


def test_a_slow_one_is_found_in_the_long_window() -> None:
    found = find_trend(100 + 0.1 * np.arange(168.0))
    assert (found.is_leak, found.window) == (True, WEEK)
    assert found.growth.slope == pytest.approx(2.4)


def test_without_a_leak_the_longest_window_tells_the_slope() -> None:
    found = find_trend(np.full(HOURS, 100.0))
    assert (found.is_leak, found.window, found.growth.slope) == (False, WEEK, 0)


@pytest.mark.parametrize("hours", [0, 1, 19])
def test_less_than_twenty_hours_are_too_few(hours: int) -> None:
    assert find_trend(known(100 + np.arange(float(hours)))) is None


def test_gaps_are_gaps() -> None:
    values = 100 + 0.5 * np.arange(24.0)
    values[[3, 9, 10, 17]] = np.nan
    assert find_trend(known(values)).growth.slope == pytest.approx(12)
    values[20] = np.nan
    assert find_trend(known(values)) is None


def test_growth_that_the_host_has_available_all_the_same_is_page_cache() -> None:
    trend = find_trend(known(2e9 + 1e8 * np.arange(24.0)))
    assert trend.is_leak
    hours = np.arange(24.0)
    assert not is_held(trend, known(60e9 + 1e6 * np.sin(hours)))
    assert is_held(trend, known(60e9 - 1e8 * hours))
    assert is_held(trend, known(60e9 - 6e7 * hours))  # something else gave memory back meanwhile
    assert not is_held(trend, known(60e9 - 4e7 * hours))
    assert not is_held(trend, np.full(HOURS, np.nan))


def test_memory_of_zero_or_less_leaks_nothing() -> None:
    assert not is_leak(np.zeros(24))
    assert not is_leak(np.arange(24.0) - 100)


def test_a_restart_ends_it_in_the_next_hour() -> None:
    values = 100 + 0.5 * np.arange(24.0)
    assert is_leak(values)
    assert not is_leak(np.append(values, 100.0))


@pytest.mark.parametrize("hours", [24, 168])
@pytest.mark.parametrize("kind", [*QUIET, *HARDER])
def test_hardly_anything_is_flagged_that_does_not_leak(kind: str, hours: int) -> None:
    memory = {**QUIET, **HARDER}[kind]
    assert sum(is_leak(lows(memory, hours, seed)) for seed in range(25)) <= 1


@pytest.mark.parametrize(("percent", "hours", "found"), [(0.5, 24, 28), (0.1, 168, 25)])
@pytest.mark.parametrize("kind", ["leak", "leak, sawtooth"])
def test_leaks_are_found_in_time(percent: float, hours: int, found: int, kind: str) -> None:
    assert sum(is_leak(lows(leaking(percent)[kind], hours, seed)) for seed in range(30)) >= found


def test_a_clock_that_jumps_by_an_hour_makes_no_leak() -> None:
    """One hour is missing, or holds what two did."""
    values = lows(Memory(), 168, 1)
    values[100] = np.nan
    assert not is_leak(values)
    assert not is_leak(np.delete(values, 50))
