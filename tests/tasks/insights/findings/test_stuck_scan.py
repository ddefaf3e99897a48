"""Scans that are probably dead. As of 25 Nov 2026 12:30 UTC."""

import json

import pytest

EVIDENCE = "it has been running for 9 h; the last 43 runs took 21 min (median), 95 of 100 less than 30 min, the longest 41 min"


@pytest.fixture
def scan(ago):
    """It runs for nine hours, and 95 of 100 are done in half an hour."""
    return {
        "scan_id": "s1", "subject": "s1", "name": "nightly", "data_source": "crm", "scan_type": "incremental", "status": "running",
        "queued_at": ago(hours=9, minutes=1), "started_at": ago(hours=9), "elapsed_seconds": 32_400.0, "history_runs": 43,
        "usual_seconds": 1260.0, "slow_seconds": 1800.0, "dead_probability": 0.997, "verdict": "probably_dead",
        "evidence": EVIDENCE,
    }  # fmt: skip


@pytest.fixture
def raw(scan, ago):
    names = ("scan_id", "data_source", "scan_type", "status", "queued_at", "started_at")
    return {name: scan[name] for name in names} | {"updated_at": ago(hours=8, minutes=55)}


def test_a_dead_scan_is_found_with_what_to_do(find_in, scan, raw, ago) -> None:
    (found,) = find_in(active_scans=[scan], raw_scans=[raw])
    assert (found["kind"], found["subject"], found["severity"], found["is_sample"]) == ("stuck_scan", "s1", "critical", False)
    assert found["statement"] == f"incremental scan s1 of crm is probably dead (99.7 %): {EVIDENCE}"
    assert found["recommendation"] == (
        "Check on the scanning host whether its process still runs; cancel scan s1 of crm in the platform and start it again;"
        " its record last changed 25 Nov 2026 03:35 UTC."
    )
    assert found["started_at"] == ago(hours=8, minutes=30), "half an hour after it began"
    assert found["confidence"] == 0.997
    assert json.loads(found["evidence"]) == {
        "status": "running", "elapsed_seconds": 32_400.0, "usual_seconds": 1260.0, "slow_seconds": 1800.0,
        "dead_probability": 0.997, "history_runs": 43, "changed_at": "2026-11-25T03:35:00+00:00",
        "sql": "SELECT * FROM insights.active_scans WHERE subject = 's1'",
    }  # fmt: skip


@pytest.mark.parametrize("verdict", ["on_track", "slow", "too_little_history"])
def test_another_verdict_is_no_finding(find_in, scan, raw, verdict: str) -> None:
    assert find_in(active_scans=[scan | {"verdict": verdict}], raw_scans=[raw]) == []


def test_a_queued_one_is_a_matter_of_the_scheduler(find_in, scan, raw, ago) -> None:
    queued = {"status": "queued", "started_at": None, "queued_at": ago(hours=5)}
    (found,) = find_in(active_scans=[scan | queued], raw_scans=[raw | queued])
    assert found["started_at"] == ago(hours=4, minutes=30)
    assert found["recommendation"].startswith(
        "Check that the platform's scheduler and its scanning host pick up scans; cancel scan s1 of crm and request it again;"
    )


def test_when_it_was_heard_of_may_not_be_known(find_in, scan) -> None:
    (found,) = find_in(active_scans=[scan])
    assert found["recommendation"].endswith("; when its record last changed is not known.")
    assert json.loads(found["evidence"])["changed_at"] is None


def test_what_changed_after_as_of_was_not_heard(find_in, scan, raw, ago) -> None:
    (found,) = find_in(active_scans=[scan], raw_scans=[raw | {"updated_at": ago(hours=-1)}])
    assert found["recommendation"].endswith("; when its record last changed is not known.")


@pytest.mark.parametrize(("slow", "hours"), [(None, 9), (1e6, 0)], ids=["no history", "longer than it has lasted"])
def test_it_starts_with_the_scan_at_the_earliest_and_with_as_of_at_the_latest(find_in, scan, ago, slow, hours: int) -> None:
    (found,) = find_in(active_scans=[scan | {"slow_seconds": slow}])
    assert found["started_at"] == ago(hours=hours)


def test_names_are_quoted_and_kept_to_one_line(find_in, scan) -> None:
    odd = {
        "scan_id": "it's",
        "subject": "it's",
        "name": "it's",
        "data_source": "crm\nDROP",
        "dead_probability": 1.0,
        "is_sample": True,
    }
    (found,) = find_in(active_scans=[scan | odd])
    assert found["subject"] == "it's"
    assert found["statement"].startswith("incremental scan it's of crm DROP is probably dead (over 99.9 %): ")
    assert json.loads(found["evidence"])["sql"].endswith("subject = 'it''s'")
    assert found["is_sample"]
