"""What is taken off of a deviation because it came at the same time before. A host that is sampled every five minutes, in spreads
from its level; it is looked at from 02:00 to 03:00."""

from collections.abc import Callable

import numpy as np
import pytest

from tasks.insights.detection.recurrence import Earlier, Memory, forgive
from tasks.insights.detection.windows import windows_of

STEP, A_DAY = 5, 288
WINDOWS = windows_of(STEP)
HOUR = 20_000 * 1440 + 120
"""Two o'clock of some day."""
DAYS = 30
JOB = slice(6, 10)
"""Of the hour's twelve steps: 02:30 to 02:50."""


def quiet() -> np.ndarray:
    """A metric over the days before and up to three o'clock, deviating by less than a spread."""
    return np.random.default_rng(1).uniform(-0.9, 0.9, (1, DAYS * A_DAY + 36))


def at(day: int, steps: int = 0) -> slice:
    """When the job would be so many days before, so many steps later."""
    start = DAYS * A_DAY - day * A_DAY + 24 + JOB.start + steps
    return slice(start, start + JOB.stop - JOB.start)


def left_of(off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first = HOUR // STEP - 24 - DAYS * A_DAY
    return forgive(off[:, -12:], Memory([Earlier(first, off, -off)], WINDOWS), HOUR, WINDOWS)


def jobs(days: list[int], shift: Callable[[int], int] = lambda _: 0, size: float = 20.0) -> np.ndarray:
    off = quiet()
    for day in [0, *days]:
        off[:, at(day, shift(day) if day else 0)] += size
    return off


@pytest.mark.parametrize(
    ("days", "shift", "expected"),
    [
        ([1, 2, 3], lambda _: 0, ("day", 3)),
        ([2, 3, 4, 6], lambda _: 0, ("day", 4)),
        ([1, 2, 3, 4, 5, 6, 7], lambda day: 4 if day % 2 else -4, ("day", 7)),
        ([1, 2, 3, 4, 5, 6, 7], lambda day: -3 * day, ("day", 3)),
        ([7, 14, 21], lambda _: 0, ("week", 3)),
    ],
    ids=["three nights", "missed nights", "twenty minutes off", "a quarter of an hour later each night", "weeks"],
)
def test_what_came_three_times_is_taken_off(days: list[int], shift: Callable[[int], int], expected: tuple[str, int]) -> None:
    left, reasons = left_of(jobs(days, shift))
    assert not left[0, JOB].any()
    assert max((each.every, each.times) for each in reasons[0, JOB]) == expected


@pytest.mark.parametrize("days", [[], [1], [1, 2], [3, 8, 12]], ids=str)
def test_what_came_less_often_or_at_no_rhythm_stays(days: list[int]) -> None:
    off = jobs(days)
    left, _ = left_of(off)
    np.testing.assert_array_equal(left[0, JOB], off[0, -12:][JOB])


def test_what_is_larger_than_before_stays_with_its_excess() -> None:
    off = jobs([1, 2, 3])
    off[:, at(0)] += 15
    left, _ = left_of(off)
    assert (left[0, JOB] > 5).all()
    off[:, at(0)] += 30  # more than twice as large is another thing
    np.testing.assert_array_equal(left_of(off)[0][0, JOB], off[0, -12:][JOB])


def test_what_goes_the_other_way_stays() -> None:
    off = jobs([1, 2, 3])
    off[:, at(0)] -= 40
    np.testing.assert_array_equal(left_of(off)[0][0, JOB], off[0, -12:][JOB])


def test_what_lasts_longer_than_before_stays_from_the_tolerance_on() -> None:
    """It ended at 02:10 before, and at the widest tolerance may last to 02:40."""
    off = quiet()
    for day in range(1, 8):
        off[:, at(day, -6).start : at(day, -6).start + 2] += 20
    off[:, -12:] = 20.0
    left, _ = left_of(off)
    assert not left[0, :8].any()
    assert (left[0, 8:] == 20).all()


def test_three_of_seven_say_little_on_a_host_that_does_so_at_any_hour() -> None:
    """It does so for a twelfth of the time, so that within 30 minutes of any time there is one more often than not."""
    often, seldom = jobs([1, 2, 3]), jobs([1, 2, 3])
    for day in range(8):
        often[:, at(day, -130).start : at(day, -20).start : 12] = 20.0
    for off in (often, seldom):
        for day in (1, 2, 3):
            off[:, at(day)] -= 20
            off[:, at(day, 5)] += 20  # within the wider tolerance only
    assert left_of(often)[0][0, JOB.start] > 19
    assert not left_of(seldom)[0][0, JOB.start]


def test_unknown_nights_are_not_counted_and_an_unknown_value_stays_unknown() -> None:
    off = jobs([1, 2, 3])
    off[:, : at(3, -180).start] = np.nan
    off[:, -1] = np.nan
    left, reasons = left_of(off)
    assert not left[0, JOB].any()
    assert {(each.times, each.of) for each in reasons[0, JOB]} == {(3, 3)}
    assert np.isnan(left[0, -1])
