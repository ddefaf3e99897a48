"""Filesystems that something empties before they are full. Levels are shares of the size, one a day."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.insights.hosts.habit import find_falls, is_emptied_before


def cycles(*lengths: int, start: float = 0.45, pace: float = 0.015) -> np.ndarray:
    """From the start up at an even pace, and back to it after so many days, again and again."""
    return np.concatenate([start + pace * np.arange(days) for days in lengths])


def is_emptied(levels: np.ndarray) -> bool:
    return is_emptied_before(levels, levels + 0.01)


def test_an_emptying_has_its_day_and_the_levels_around_it() -> None:
    (fall,) = find_falls(cycles(30, 10))
    assert (fall.day, fall.peak) == (30, pytest.approx(0.885))
    assert fall.floor == pytest.approx(0.465)  # the median of its first three days


def test_the_day_in_which_it_was_emptied_is_no_second_emptying() -> None:
    levels = cycles(30, 30, 10)
    levels[[30, 60]] = 0.75
    assert [fall.day for fall in find_falls(levels)] == [31, 61]


def test_one_that_is_emptied_every_month_is_not_full_before_the_next_time() -> None:
    assert is_emptied(cycles(30, 30, 30, 29))
    assert is_emptied(cycles(30, 30, 15))  # one whole month is enough where it is a month


def test_once_is_no_habit() -> None:
    assert not is_emptied(cycles(30, 25))


def test_nor_is_what_people_do_when_they_are_warned() -> None:
    """After 41 and 43 days, and 38: at uneven times, and at uneven levels."""
    assert not is_emptied(cycles(41, 43, 34, 38, 30, pace=0.0125))
    assert not is_emptied(cycles(40, 40, pace=0.0125))  # nor do they come every 40 days by the calendar
    assert is_emptied(cycles(42, 42, 20, pace=0.0125))  # six weeks


def test_an_emptying_that_did_not_come_is_told() -> None:
    assert is_emptied(cycles(30, 30, 30, 31))
    assert not is_emptied(cycles(30, 30, 30, 35))


def test_nor_does_it_help_where_it_grows_faster_than_before() -> None:
    assert not is_emptied(np.concatenate([cycles(30, 30, 30), cycles(12, pace=0.03)]))


def test_growing_peaks_are_told_before_one_is_full() -> None:
    rising = np.concatenate([cycles(30, start=0.4 + 0.05 * month) for month in range(4)])
    assert not is_emptied(np.append(rising, 0.6 + 0.015 * np.arange(20.0)))  # the next peak is 1.05


def test_what_is_emptied_whenever_it_reaches_a_level_is_not_told_below_it() -> None:
    levels = cycles(20, 28, 23, start=0.3)  # at uneven times
    to_ninety = np.concatenate([np.linspace(0.3, 0.9, days) for days in (20, 28, 23, 19)])
    assert is_emptied(np.append(to_ninety, np.linspace(0.3, 0.85, 15)))
    assert not is_emptied(np.append(to_ninety, np.linspace(0.3, 0.95, 30)))
    assert not is_emptied(np.append(levels, np.linspace(0.3, 0.85, 15)))


def test_days_that_are_not_known_are_left_out() -> None:
    levels = cycles(30, 30, 30, 20)
    levels[[5, 6, 40, 41, 42, 70]] = np.nan
    assert is_emptied(levels)


@given(st.lists(st.floats(0.0, 0.04), min_size=1, max_size=60))
def test_what_only_grows_has_no_emptying(steps: list[float]) -> None:
    assert find_falls(np.cumsum(steps)) == []
