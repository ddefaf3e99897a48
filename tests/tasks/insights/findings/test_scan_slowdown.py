"""Scans that have become slower. As of 25 Nov 2026 12:30 UTC; the fixture's are 2.2 times as long since 12 Nov."""

import json
from datetime import timedelta

import pytest

LOOK = "look at the load of crm, at the scanner, and at what changed on 12 Nov 2026."


@pytest.fixture
def scans(ago):
    return {
        "data_source": "crm", "scan_type": "incremental", "slowdown": "slower", "slowed_at": ago(days=13), "days": 43,
        "slowdown_ratio": 2.2, "slowdown_ratio_low": 1.9, "slowdown_ratio_high": 2.6, "slowdown_q_value": 0.004,
        "assets_ratio": 1.02,
    }  # fmt: skip


@pytest.fixture
def runs(ago):
    """Succeeded scans of so many seconds, half a day before and after the slowdown and further away."""

    def ended(number: int, days: float, seconds: float) -> dict:
        at = ago(days=days)
        return {
            "scan_id": f"s{number}", "data_source": "crm", "scan_type": "incremental", "status": "succeeded",
            "queued_at": at - timedelta(seconds=seconds), "started_at": at - timedelta(seconds=seconds), "finished_at": at,
            "updated_at": at,
        }  # fmt: skip

    def rows(before: list[float], since: list[float]) -> list[dict]:
        old = [ended(number, 13.5 + number, seconds) for number, seconds in enumerate(before)]
        return old + [ended(100 + number, 12.5 - number, seconds) for number, seconds in enumerate(since)]

    return rows


def test_a_slowdown_is_found_with_its_numbers(find_in, scans, runs, ago) -> None:
    (found,) = find_in(scan_performance=[scans], raw_scans=runs([600.0, 660.0, 540.0], [1260.0, 1380.0]))
    assert (found["kind"], found["subject"], found["severity"]) == ("scan_slowdown", "crm", "warning")
    assert found["labels"] == '{"scan_type":"incremental"}'
    assert found["statement"] == (
        "incremental scans of crm have taken 2.2 times as long (1.9 to 2.6) since 12 Nov 2026:"
        " 10 min before, 22 min since (medians of 3 and 2 runs)"
    )
    assert found["started_at"] == ago(days=13)
    assert found["confidence"] == pytest.approx(0.996)
    evidence = json.loads(found["evidence"])
    assert evidence["slowdown_ratio_low"] == 1.9
    assert (evidence["median_before_seconds"], evidence["median_since_seconds"]) == (600.0, 1320.0)
    assert evidence["sql"] == "SELECT * FROM insights.scan_performance WHERE data_source = 'crm' AND scan_type = 'incremental'"


@pytest.mark.parametrize("slowdown", ["faster", "no_evidence", "too_little_data"])
def test_anything_else_is_no_finding(find_in, scans, slowdown: str) -> None:
    assert find_in(scan_performance=[scans | {"slowdown": slowdown}]) == []


@pytest.mark.parametrize(
    ("assets", "recommendation"),
    [
        (None, f"The number of assets that incremental scans of crm read is not known: check whether it has grown since 12 Nov"
         f" 2026; if not, {LOOK}"),
        (0.5, f"They read 0.50 times as many assets per run (from daily medians, no interval), and still take longer: {LOOK}"),
        (0.95, f"They read about as many assets per run as before, so each asset takes longer: {LOOK}"),
        (1.1, f"They read about as many assets per run as before, so each asset takes longer: {LOOK}"),
        (1.5, "They read 1.5 times as many assets per run (from daily medians, no interval), which explains part of it: check"
         f" whether incremental scans of crm need such a wide scope, and {LOOK}"),
        (1.9, "They read 1.9 times as many assets per run (from daily medians, no interval), which explains it: narrow the scope of"
         " incremental scans of crm, split them, or accept the time."),
        (30.0, "They read 30 times as many assets per run (from daily medians, no interval), which explains it: narrow the scope of"
         " incremental scans of crm, split them, or accept the time."),
    ],
    ids=["unknown", "fewer", "hardly fewer", "as many", "some more", "as many more", "many more"],
)  # fmt: skip
def test_what_to_do_depends_on_the_assets(find_in, scans, assets: float | None, recommendation: str) -> None:
    (found,) = find_in(scan_performance=[scans | {"assets_ratio": assets}])
    assert found["recommendation"] == recommendation


@pytest.mark.parametrize(("low", "severity"), [(1.99, "warning"), (2.0, "critical"), (None, "warning")])
def test_it_is_critical_where_it_is_twice_as_long_whatever_the_chance(find_in, scans, low: float | None, severity: str) -> None:
    (found,) = find_in(scan_performance=[scans | {"slowdown_ratio_low": low}])
    assert found["severity"] == severity


def test_scans_that_are_gone_or_did_not_succeed_have_no_median(find_in, scans, runs) -> None:
    canceled = [row | {"status": "canceled"} for row in runs([], [1260.0])]
    long_ago = [row | {"scan_id": f"old {row['scan_id']}"} for row in runs([9.0] * 90, [])][77:]
    (found,) = find_in(scan_performance=[scans | {"is_sample": True}], raw_scans=[*runs([600.0], []), *canceled, *long_ago])
    assert found["statement"].endswith("times as long (1.9 to 2.6) since 12 Nov 2026")
    assert json.loads(found["evidence"])["runs_before"] == 1
    assert found["is_sample"]


def test_extreme_numbers_are_readable(find_in, scans, runs) -> None:
    extreme = {
        "slowdown_ratio": 86_400.0, "slowdown_ratio_low": 9000.0, "slowdown_ratio_high": 800_000.0,
        "assets_ratio": 0.0043, "slowdown_q_value": 0.0,
    }  # fmt: skip
    (found,) = find_in(scan_performance=[scans | extreme], raw_scans=runs([1.0], [86_400.0]))
    assert "have taken 86,400 times as long (9,000 to 800,000) since" in found["statement"]
    assert ": 1 s before, 1 d since (medians of 1 and 1 run)" in found["statement"]
    assert found["recommendation"].startswith("They read 0.0043 times as many assets per run")
    assert found["confidence"] == 1.0
