"""Scans that have become slower. As of 25 Nov 2026 12:30 UTC; the fixture's are 2.2 times as long since 12 Nov."""

import json

import pytest

LOOK = "look at the load of crm, at the scanner, and at what changed on 12 Nov 2026."


@pytest.fixture
def scans(ago):
    return {
        "data_source": "crm", "scan_type": "incremental", "slowdown": "slower", "slowed_at": ago(days=13), "days": 43,
        "slowdown_ratio": 2.2, "slowdown_ratio_low": 1.9, "slowdown_ratio_high": 2.6, "slowdown_q_value": 0.004,
        "run_times": 118, "run_median_seconds": 1260.0, "run_median_low": 1140.0, "run_median_high": 1440.0,
        "assets_ratio": 1.02, "window_days": 90,
    }  # fmt: skip


def test_a_slowdown_is_found_with_its_numbers(find_in, scans, ago) -> None:
    (found,) = find_in(scan_performance=[scans])
    assert (found["kind"], found["subject"], found["severity"]) == ("scan_slowdown", "crm / incremental", "warning")
    assert found["statement"] == (
        "incremental scans of crm take 2.2 times as long (1.9 to 2.6) since 12 Nov 2026:"
        " the median of 118 runs on 43 of the last 90 days is 21 min (19 min to 24 min)"
    )
    assert found["started_at"] == ago(days=13)
    assert found["confidence"] == pytest.approx(0.996)
    evidence = json.loads(found["evidence"])
    assert evidence["slowdown_ratio_low"] == 1.9
    assert evidence["sql"] == "SELECT * FROM insights.scan_performance WHERE data_source = 'crm' AND scan_type = 'incremental'"


@pytest.mark.parametrize("slowdown", ["faster", "no_evidence", "too_little_data"])
def test_anything_else_is_no_finding(find_in, scans, slowdown: str) -> None:
    assert find_in(scan_performance=[scans | {"slowdown": slowdown}]) == []


@pytest.mark.parametrize(
    ("assets", "recommendation"),
    [
        (None, f"How many assets incremental scans of crm read is not known: see whether they are more than before 12 Nov"
         f" 2026, and if not, {LOOK}"),
        (0.5, f"They read 0.50 times the assets a run (of daily medians, no interval), and still take longer: {LOOK}"),
        (0.95, f"They read about as many assets a run as before, so that each asset takes longer: {LOOK}"),
        (1.1, f"They read about as many assets a run as before, so that each asset takes longer: {LOOK}"),
        (1.5, "They read 1.5 times the assets a run (of daily medians, no interval), which explains a part: see whether the"
         f" scope of incremental scans of crm must be so wide, and {LOOK}"),
        (1.9, "They read 1.9 times the assets a run (of daily medians, no interval), which explains it: narrow the scope of"
         " incremental scans of crm, split them, or accept the time."),
        (30.0, "They read 30 times the assets a run (of daily medians, no interval), which explains it: narrow the scope of"
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


def test_of_a_few_runs_it_says_so(find_in, scans) -> None:
    few = {"run_median_low": None, "run_median_high": None, "run_times": 1, "days": 1, "is_sample": True}
    (found,) = find_in(scan_performance=[scans | few])
    assert found["statement"].endswith(": the median of 1 run on 1 of the last 90 days is 21 min (too few for an interval)")
    assert found["is_sample"]


def test_extreme_numbers_are_readable(find_in, scans) -> None:
    extreme = {
        "slowdown_ratio": 86_400.0, "slowdown_ratio_low": 9000.0, "slowdown_ratio_high": 800_000.0, "run_median_seconds": 86_400.0,
        "assets_ratio": 0.0043, "slowdown_q_value": 0.0,
    }  # fmt: skip
    (found,) = find_in(scan_performance=[scans | extreme])
    assert "take 86,400 times as long (9,000 to 800,000) since" in found["statement"]
    assert " is 1 d (" in found["statement"]
    assert found["recommendation"].startswith("They read 0.0043 times the assets a run")
    assert found["confidence"] == 1.0
