"""CPU shares from counters of seconds."""

from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sources.host.cpu import LOGICAL_COUNT, UTILIZATION, read_modes, share_modes
from tasks.sources.host.metric import Point
from tasks.sources.host.moment import Interval

BEFORE = {"user": 100.0, "system": 50.0, "idle": 800.0, "iowait": 20.0}
QUARTER = Interval(15.0)


def points(modes: dict[str, float], cpus: float | None = 4.0) -> list[Point]:
    return [*(Point(UTILIZATION, f"mode={mode}", value) for mode, value in modes.items()), Point(LOGICAL_COUNT, "", cpus)]


def shares(before: list[Point], after: list[Point], interval: Interval = QUARTER) -> dict[str, tuple[float | None, str]]:
    known = {(point.metric.name, point.attributes): point for point in before}
    return {point.attributes: (point.value, point.status) for point in share_modes(known, after, interval)}


def test_golden_shares() -> None:
    """40 of 60 CPU seconds idle, 5 waiting: 15 of 60 busy."""
    found = shares(points(BEFORE), points({"user": 110.0, "system": 55.0, "idle": 840.0, "iowait": 25.0}))
    assert {key: value for key, (value, _) in found.items()} == {
        "": pytest.approx(0.25),
        "mode=user": pytest.approx(10 / 60),
        "mode=system": pytest.approx(5 / 60),
        "mode=idle": pytest.approx(40 / 60),
        "mode=iowait": pytest.approx(5 / 60),
    }


def test_a_first_reading_has_no_share_at_all_and_no_zero() -> None:
    found = shares([], points(BEFORE), Interval(None, "no_previous_reading"))
    assert set(found) == {"", *(f"mode={mode}" for mode in BEFORE)}
    assert set(found.values()) == {(None, "no_previous_reading")}


@pytest.mark.parametrize(
    ("after", "cpus", "interval", "status"),
    [
        ({**BEFORE, "user": 90.0, "idle": 900.0}, 4.0, QUARTER, "counter_reset"),
        (BEFORE, 4.0, QUARTER, "too_soon"),
        ({**BEFORE, "idle": 815.0}, 8.0, QUARTER, "cpu_count_changed"),
        ({**BEFORE, "idle": 815.0}, 4.0, Interval(None, "rebooted"), "rebooted"),
    ],
)
def test_shares_that_cannot_be_known(after: dict[str, float], cpus: float, interval: Interval, status: str) -> None:
    assert set(shares(points(BEFORE), points(after, cpus), interval).values()) == {(None, status)}


def test_iowait_going_down_a_little_is_no_reset() -> None:
    found = shares(points(BEFORE), points({**BEFORE, "user": 112.0, "idle": 848.0, "iowait": 19.9}))
    assert found["mode=iowait"] == (0.0, "ok")
    assert found[""][0] == pytest.approx(0.2)


@pytest.mark.parametrize(
    "after",
    [
        {**BEFORE, "user": 112.0, "idle": 796.0},  # by more than a correction: a snapshot was put back
        {**BEFORE, "user": 112.0, "idle": 798.0},  # by less, but 12 of 60 CPU seconds are no 100 %
        {**BEFORE, "user": 100.5, "idle": 800.0, "iowait": 18.0},
    ],
)
def test_idle_time_that_goes_back_is_a_reset_and_never_a_busy_machine(after: dict[str, float]) -> None:
    assert set(shares(points(BEFORE), points(after)).values()) == {(None, "counter_reset")}


def test_an_unknown_number_of_cpus_does_not_cost_the_shares() -> None:
    assert shares(points(BEFORE, None), points({**BEFORE, "user": 115.0}, None))[""] == (1.0, "ok")


def test_a_failed_reading_gives_one_row_with_the_reason_and_nothing_read_gives_none() -> None:
    assert shares(points(BEFORE), [Point(UTILIZATION, "", None, "unreadable: OSError")]) == {"": (None, "unreadable: OSError")}
    assert shares(points(BEFORE), [Point(LOGICAL_COUNT, "", 4.0)]) == {}


seconds = st.floats(0, 1e6)


@given(st.tuples(seconds, seconds, seconds, seconds), st.tuples(seconds, seconds, seconds, seconds))
def test_modes_sum_to_one_and_every_share_is_a_fraction(start: tuple[float, ...], used: tuple[float, ...]) -> None:
    before = dict(zip(BEFORE, start, strict=True))
    after = {mode: before[mode] + more for mode, more in zip(BEFORE, used, strict=True)}
    found = shares(points(before), points(after))
    if found[""][1] != "ok":
        assert sum(after.values()) - sum(before.values()) == pytest.approx(0, abs=1e-6)
        return
    values = {key: value for key, (value, _) in found.items() if value is not None}
    assert len(values) == 5
    assert all(0 <= value <= 1 for value in values.values())
    assert sum(value for key, value in values.items() if key) == pytest.approx(1)
    assert values[""] == pytest.approx(1 - values["mode=idle"] - values["mode=iowait"], abs=1e-9)


def test_guest_time_is_not_counted_beside_the_user_time_that_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's line: user nice system idle iowait irq softirq steal guest guest_nice, in ticks of 10 ms."""
    (tmp_path / "stat").write_text("cpu  1000 100 300 9000 50 7 8 9 600 40\nbtime 1\n")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert {point.attributes: point.value for point in read_modes()} == {
        "mode=user": 10.0,
        "mode=nice": 1.0,
        "mode=system": 3.0,
        "mode=idle": 90.0,
        "mode=iowait": 0.5,
        "mode=interrupt": 0.07,
        "mode=softirq": 0.08,
        "mode=steal": 0.09,
    }
