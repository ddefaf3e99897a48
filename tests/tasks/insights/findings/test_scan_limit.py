"""Limits of one's own that scans miss. As of 25 Nov 2026 12:30 UTC."""

import pytest


@pytest.fixture
def limit(ago):
    """Due at 12:00, and nothing has been requested for it."""
    return {
        "kind": "done_by", "data_source": "crm", "scan_type": "full", "limit_name": "done by 12:00 UTC",
        "subject": "crm, full: done by 12:00 UTC", "due_at": ago(minutes=30), "state": "not_requested", "history_runs": 60,
        "miss_probability": 1.0, "verdict": "missed", "evidence": "none has been requested for it, due 30 min ago",
    }  # fmt: skip


def test_a_missed_deadline_is_critical_since_it_was_due(find_in, limit, ago) -> None:
    (found,) = find_in(scan_limits=[limit])
    assert (found["kind"], found["severity"], found["started_at"]) == ("scan_limit", "critical", ago(minutes=30))
    assert found["statement"] == "crm, full: done by 12:00 UTC is missed: none has been requested for it, due 30 min ago"
    assert found["recommendation"].startswith("Check the schedule")
    assert found["confidence"] == 1.0


def test_a_length_is_missed_since_the_run_took_longer(find_in, limit, ago) -> None:
    length = {"kind": "longer_than", "longest_seconds": 7200.0, "due_at": None, "state": "running", "started_at": ago(hours=3)}
    (found,) = find_in(scan_limits=[limit | length])
    assert (found["severity"], found["started_at"]) == ("critical", ago(hours=1))


def test_one_at_risk_is_a_warning_since_the_run_was_requested(find_in, limit, ago) -> None:
    risk = {
        "verdict": "at_risk",
        "miss_probability": 0.7,
        "state": "under_way",
        "asked_at": ago(minutes=50),
        "due_at": ago(minutes=-10),
    }
    (found,) = find_in(scan_limits=[limit | risk])
    assert (found["severity"], found["started_at"], found["confidence"]) == ("warning", ago(minutes=50), 0.7)
    assert "will probably be missed" in found["statement"]


@pytest.mark.parametrize("verdict", ["met", "on_track", "not_judged"])
def test_what_is_kept_or_not_judged_is_no_finding(find_in, limit, verdict) -> None:
    assert find_in(scan_limits=[limit | {"verdict": verdict}]) == []
