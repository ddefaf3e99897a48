"""Rates from counters: what they are, and above all when there is none."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sources.host.differencing import SHARE_SLACK, difference
from tasks.sources.host.metric import Metric, Point
from tasks.sources.host.moment import Interval, Moment, measure_interval

RATE = Metric("bytes", "By/s", "rate", "", "")
SHARE = Metric("busy", "1", "share", "", "")
GAUGE = Metric("level", "By", "gauge", "", "")
NOON = Moment(datetime(2026, 3, 1, 12, tzinfo=UTC), 5000.0, "boot-a", 1_772_000_000.0)
LATER = replace(NOON, monotonic_seconds=5015.0)


def test_a_rate_is_the_increase_per_second() -> None:
    assert difference(Point(RATE, "", 100.0), Point(RATE, "", 250.0), Interval(15.0)) == Point(RATE, "", 10.0)


def test_a_share_of_seconds_is_a_fraction() -> None:
    assert difference(Point(SHARE, "", 4.0), Point(SHARE, "", 7.0), Interval(15.0)).value == pytest.approx(0.2)


def test_a_gauge_needs_no_previous_reading() -> None:
    assert difference(None, Point(GAUGE, "", 7.0), Interval(None, "rebooted")) == Point(GAUGE, "", 7.0)


@pytest.mark.parametrize(
    ("before", "after", "interval", "status"),
    [
        (None, Point(RATE, "", 5.0), Interval(15.0), "no_previous_reading"),
        (Point(RATE, "", None, "unreadable: OSError"), Point(RATE, "", 5.0), Interval(15.0), "no_previous_reading"),
        (Point(RATE, "", 9.0), Point(RATE, "", 5.0), Interval(15.0), "counter_reset"),
        (Point(RATE, "", 1.0), Point(RATE, "", 5.0), Interval(None, "rebooted"), "rebooted"),
        (Point(RATE, "", 9.0), Point(RATE, "", 5.0), Interval(None, "rebooted"), "rebooted"),
        (Point(RATE, "", 1.0), Point(RATE, "", None, "unreadable: OSError"), Interval(15.0), "unreadable: OSError"),
    ],
)
def test_a_rate_that_cannot_be_known_has_no_value(before: Point | None, after: Point, interval: Interval, status: str) -> None:
    assert difference(before, after, interval) == Point(RATE, "", None, status)


def test_a_share_just_above_one_is_one_and_further_above_is_no_measurement() -> None:
    assert difference(Point(SHARE, "", 0.0), Point(SHARE, "", 1.02), Interval(1.0)).value == 1.0
    assert difference(Point(SHARE, "", 0.0), Point(SHARE, "", 1.5), Interval(1.0)) == Point(SHARE, "", None, "out_of_range")


totals = st.one_of(st.none(), st.floats(0, 1e15))


@given(totals, totals, st.one_of(st.none(), st.floats(0.001, 1e6)), st.sampled_from([RATE, SHARE]))
def test_there_is_a_value_exactly_when_the_status_is_ok(
    before: float | None, after: float | None, seconds: float | None, metric: Metric
) -> None:
    start = None if before is None else Point(metric, "", before)
    end = Point(metric, "", after, "ok" if after is not None else "unreadable: X")
    point = difference(start, end, Interval(seconds, "ok" if seconds else "rebooted"))
    assert (point.value is None) == (point.status != "ok")
    if point.value is not None:
        assert before is not None
        assert after is not None
        assert seconds is not None
        assert point.value >= 0
        assert metric is RATE or point.value <= 1
        assert point.value * seconds == pytest.approx(after - before, rel=1e-9, abs=SHARE_SLACK * seconds if metric is SHARE else 0)


def test_elapsed_time_is_monotonic_not_wall_time() -> None:
    wall_was_set_back = replace(LATER, observed_at=datetime(2026, 3, 1, 11, tzinfo=UTC))
    assert measure_interval(NOON, wall_was_set_back) == Interval(15.0)


def test_no_rate_without_a_previous_reading_or_across_a_reboot() -> None:
    assert measure_interval(None, NOON) == Interval(None, "no_previous_reading")
    assert measure_interval(NOON, replace(LATER, boot_id="boot-b")) == Interval(None, "rebooted")
    assert measure_interval(NOON, replace(LATER, monotonic_seconds=3.0)) == Interval(None, "rebooted")


def test_without_boot_ids_the_boot_time_decides_and_may_be_corrected_by_seconds() -> None:
    before, after = replace(NOON, boot_id=None), replace(LATER, boot_id=None)
    assert measure_interval(before, replace(after, booted_at_seconds=1_772_000_002.0)) == Interval(15.0)
    assert measure_interval(before, replace(after, booted_at_seconds=1_772_003_600.0)) == Interval(None, "rebooted")
    assert measure_interval(before, replace(after, booted_at_seconds=None)) == Interval(15.0)


def test_a_boot_id_outranks_a_boot_time_that_moved_with_the_wall_clock() -> None:
    assert measure_interval(NOON, replace(LATER, booted_at_seconds=1_772_003_600.0)) == Interval(15.0)
