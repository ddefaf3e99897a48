"""Filesystems that will be full. As of 25 Nov 2026 12:30 UTC; the fixture's is full in 12 days."""

import json
from datetime import timedelta

import pytest


@pytest.fixture
def disk(ago):
    return {
        "host": "h1", "metric": "system.filesystem.utilization", "attributes": "mountpoint=/var%2Clog", "unit": "1", "as_of": ago(),
        "is_growing": True, "grows_since": ago(days=21), "value": 0.66, "level": 0.88, "slope_per_day": 0.01, "horizon_days": 14.0,
        "slope_per_day_low": 0.008, "slope_per_day_high": 0.012, "growth_p_value": 0.0001, "hours": 504,
        "crosses_at": ago(days=-12), "crosses_low_at": ago(days=-9), "crosses_high_at": ago(days=-17, hours=-3),
    }  # fmt: skip


def test_it_says_when_and_what_to_do(find_in, disk, ago) -> None:
    (found,) = find_in(forecasts=[disk])
    assert (found["kind"], found["subject"], found["severity"]) == ("disk_full", "h1", "warning")
    assert found["labels"] == '{"filesystem":"mountpoint=/var%2Clog"}', "as other rules about filesystems have it"
    assert found["statement"] == (
        "/var,log of h1 will be full in 12 d (9 d to 17 d 3 h): it grows by 1.0 % a day (0.80 % to 1.2 %),"
        " and its peaks reach 88.0 %"
    )
    assert found["recommendation"].startswith("Free space on /var,log of h1, or enlarge it, before 4 Dec 2026: find what grows")
    assert (found["started_at"], found["confidence"], found["is_sample"]) == (ago(days=21), pytest.approx(0.9999), False)
    evidence = json.loads(found["evidence"])
    assert evidence["level"] == 0.88
    assert evidence["sql"].endswith("AND attributes = 'mountpoint=/var%2Clog'")


def test_within_three_days_it_is_critical(find_in, disk, ago) -> None:
    (found,) = find_in(forecasts=[disk | {"crosses_at": ago() + timedelta(days=3), "crosses_high_at": None}])
    assert found["severity"] == "critical"
    assert "in 3 d (9 d to over ten years)" in found["statement"]


def test_what_is_full_says_so(find_in, disk, ago) -> None:
    now = dict.fromkeys(("crosses_at", "crosses_low_at", "crosses_high_at"), ago())
    (found,) = find_in(forecasts=[disk | now | {"value": 1.0, "level": 1.02}])
    assert found["severity"] == "critical"
    assert found["statement"] == "/var,log of h1 is full (100.0 %), and has grown by 1.0 % a day (0.80 % to 1.2 %)"
    assert found["recommendation"].startswith("Free space on /var,log of h1, or enlarge it, now: find what grows")


def test_peaks_that_fill_it_are_told_apart(find_in, disk, ago) -> None:
    now = dict.fromkeys(("crosses_at", "crosses_low_at", "crosses_high_at"), ago())
    (found,) = find_in(forecasts=[disk | now | {"value": 0.8, "level": 1.01}])
    assert found["statement"].startswith("The peaks of /var,log of h1 fill it: 80.0 % are used now, and it grows by 1.0 % a day")


@pytest.mark.parametrize(
    "reason", ["emptied_by_habit", "no_growth", "beyond_horizon", "too_little_history", "gaps", "no_recent_data"]
)
def test_without_a_forecast_there_is_no_finding(find_in, disk, reason: str) -> None:
    none = dict.fromkeys(("crosses_at", "crosses_low_at", "crosses_high_at"))
    assert find_in(forecasts=[disk | none | {"no_forecast_reason": reason}]) == []
