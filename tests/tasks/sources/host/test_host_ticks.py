"""The grid: each tick once, none twice, none late."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from tasks.sources.host.moment import Clock
from tasks.sources.host.ticks import find_next_tick, wait_for_ticks

MIDNIGHT = 1_772_000_000 - 1_772_000_000 % 86400


@dataclass
class Machine:
    """A machine whose sleeps end late by what `oversleeps` says, in order, then punctually."""

    now: float
    oversleeps: list[float] = field(default_factory=list)
    slept: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += seconds + (self.oversleeps.pop(0) if self.oversleeps else 0.0)

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: self.now, monotonic=lambda: self.now, sleep=self.sleep)


def ticks(machine: Machine, interval: float, count: int) -> list[float]:
    return [round(woke - MIDNIGHT, 6) for woke in wait_for_ticks(machine.clock, interval, count)]


def test_ticks_are_on_the_grid_of_the_wall_clock() -> None:
    assert ticks(Machine(MIDNIGHT + 7.3), 15.0, 4) == [15, 30, 45, 60]


def test_a_first_tick_too_near_for_a_rate_is_a_second_late_and_the_last_is_not() -> None:
    assert ticks(Machine(MIDNIGHT + 14.9), 15.0, 3) == [15.9, 30, 45]


def test_the_tick_just_sampled_is_not_the_next() -> None:
    assert find_next_tick(MIDNIGHT + 14.998, 15.0) == MIDNIGHT + 30
    assert find_next_tick(MIDNIGHT + 15.2, 15.0) == MIDNIGHT + 30


def test_a_single_sample_waits_a_second() -> None:
    machine = Machine(MIDNIGHT + 7.3)
    assert ticks(machine, 15.0, 1) == [8.3]
    assert machine.slept == 1.0


def test_ticks_slept_through_are_left_out_and_used_up() -> None:
    """Asleep from :15 to :52, so :30 and :45 are gone, and the last of the four is :60 all the same."""
    assert ticks(Machine(MIDNIGHT + 7, [0.0, 22.0]), 15.0, 4) == [15, 60]


def test_a_tick_reached_late_is_still_that_tick() -> None:
    assert ticks(Machine(MIDNIGHT + 7, [0.0, 3.0]), 15.0, 3) == [15, 33, 45]


def test_a_clock_set_back_does_not_prolong_the_run() -> None:
    machine = Machine(MIDNIGHT + 3607, [0.0, -3600.0])
    assert ticks(machine, 15.0, 4) == [3615, 30, 45, 60]
    assert machine.slept < 75


def test_a_night_asleep_ends_the_run() -> None:
    assert ticks(Machine(MIDNIGHT + 7, [0.0, 30000.0]), 15.0, 4) == [15]


def test_waking_a_moment_early_does_not_sample_the_tick_twice() -> None:
    assert ticks(Machine(MIDNIGHT + 7, [-0.002, -0.002, -0.002]), 15.0, 3) == [14.998, 29.998, 44.998]


@given(
    start=st.floats(0, 1000),
    interval=st.sampled_from([0.5, 1.0, 15.0, 60.0]),
    count=st.integers(2, 12),
    late=st.lists(st.floats(-0.01, 200.0), max_size=8),
)
def test_no_slot_is_taken_twice_and_no_run_is_longer_than_asked(
    start: float, interval: float, count: int, late: list[float]
) -> None:
    found = ticks(Machine(MIDNIGHT + start, list(late)), interval, count)
    slots = [int((woke + 0.02 * interval) // interval) for woke in found]
    assert len(slots) == len(set(slots)) <= count
    assert slots == sorted(slots)
    assert not slots or slots[-1] <= start // interval + count
