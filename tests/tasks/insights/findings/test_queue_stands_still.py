"""Queues of scans that stand still. As of 25 Nov 2026 12:30 UTC."""

import json

import pytest


@pytest.fixture
def queue(ago):
    """Three scans wait, and for forty minutes none has begun."""
    return {
        "source": "racine", "scanner": "all", "subject": "racine", "waiting": 3, "waiting_since": ago(minutes=40),
        "last_started_at": ago(hours=2), "still_seconds": 2400.0, "limit_seconds": 600.0, "starts": 90, "verdict": "stands_still",
        "is_covered": False, "evidence": "3 scans wait and none has begun for 40 min", "scans": '[{"scan_id": "s1"}]',
    }  # fmt: skip


def test_a_queue_that_stands_still_is_one_finding_with_its_scans_as_evidence(find_in, queue, ago) -> None:
    (found,) = find_in(scan_queues=[queue])
    assert (found["kind"], found["subject"], found["severity"]) == ("queue_stands_still", "racine", "critical")
    assert found["statement"] == "The scan queue of racine stands still: 3 scans wait and none has begun for 40 min"
    assert found["recommendation"].endswith(
        "the waiting scans need no attention of their own. The last one began 25 Nov 2026 10:30 UTC."
    )
    assert found["started_at"] == ago(minutes=40)
    evidence = json.loads(found["evidence"])
    assert (evidence["waiting"], evidence["scans"]) == (3, [{"scan_id": "s1"}])
    assert evidence["sql"] == "SELECT * FROM insights.scan_queues WHERE subject = 'racine'"


@pytest.mark.parametrize(
    "changes", [{"verdict": "moving"}, {"verdict": "too_little_history"}, {"scanner": "a", "is_covered": True}]
)
def test_what_moves_and_what_is_told_with_its_source_is_no_finding(find_in, queue, changes) -> None:
    assert find_in(scan_queues=[queue | changes]) == []


def test_where_none_has_begun_yet_that_is_said(find_in, queue, ago) -> None:
    (found,) = find_in(scan_queues=[queue | {"last_started_at": None}])
    assert found["recommendation"].endswith("None has begun yet.")
    assert found["started_at"] == ago(minutes=40)
