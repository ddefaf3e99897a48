"""Hosts that behave as never before. As of 25 Nov 2026 12:30 UTC; the fixture's has done so for half an hour, and still does."""

import json

import pytest

NAMED = [
    {"metric": "system.disk.io", "attributes": "device=sda", "contribution": 0.6},
    {"metric": "load", "attributes": "", "contribution": 0.25},
]


@pytest.fixture
def episode(ago):
    return {
        "host": "h1", "started_at": ago(minutes=31), "ended_at": ago(minutes=2), "is_ongoing": True, "minutes": 27, "coverage": 1.0,
        "peak": 9.5, "peak_at": ago(minutes=20), "threshold": 6.0, "severity": "warning", "as_of": ago(),
        "top_metrics": json.dumps(NAMED),
    }  # fmt: skip


def test_it_says_how_unusual_what_is_guilty_and_where_to_look(find_in, episode, ago) -> None:
    (found,) = find_in(anomalies=[episode])
    assert (found["kind"], found["subject"], found["severity"], found["started_at"]) == (
        "anomaly",
        "h1",
        "warning",
        ago(minutes=31),
    )
    assert found["statement"] == (
        "h1 has behaved unusually for 30 min; its score reached 9.5 at 25 Nov 2026 12:10 UTC (threshold 6.0),"
        " mostly because of system.disk.io device=sda (60.0 %) and load (25.0 %)"
    )
    assert found["recommendation"].startswith("Look at system.disk.io device=sda and load on h1 from 25 Nov 2026 11:59 UTC on")
    assert json.loads(found["evidence"])["sql"].startswith("SELECT * FROM insights.anomaly_scores WHERE host = 'h1'")


def test_hosts_that_do_so_at_once_are_told_to_look_at_what_they_share(find_in, episode, ago) -> None:
    later = episode | {"host": "h2", "started_at": ago(minutes=5)}
    over = episode | {"host": "h3", "started_at": ago(minutes=59), "ended_at": ago(minutes=35), "is_ongoing": False}
    first, second, third = find_in(anomalies=[episode, later, over])
    for found in (first, second):
        assert found["recommendation"].startswith(
            "1 other host behaved unusually at the same time: look first at what they share. "
        )
    assert third["recommendation"].startswith("Look at")
    assert third["statement"].startswith("h3 behaved unusually for 25 min")


@pytest.mark.parametrize(
    ("peak", "minutes", "is_found"), [(9.0, 3, True), (8.5, 20, False), (8.5, 21, True)], ids=["far", "neither", "long"]
)
def test_what_is_neither_far_above_the_threshold_nor_long_is_left_to_the_table(find_in, episode, peak, minutes, is_found) -> None:
    assert len(find_in(anomalies=[episode | {"peak": peak, "minutes": minutes}])) == is_found


def test_what_ended_over_an_hour_ago_is_past_and_of_two_the_latest_is_told(find_in, episode, ago) -> None:
    past = episode | {"started_at": ago(minutes=90), "ended_at": ago(minutes=61)}
    earlier = episode | {"started_at": ago(minutes=58), "ended_at": ago(minutes=50)}
    (found,) = find_in(anomalies=[past, earlier, episode])
    assert found["started_at"] == ago(minutes=31)
    assert find_in(anomalies=[past]) == []


def test_it_is_critical_where_the_episode_is_and_surer(find_in, episode) -> None:
    (warning,), (critical,) = find_in(anomalies=[episode]), find_in(anomalies=[episode | {"severity": "critical", "peak": 12.0}])
    assert critical["severity"] == "critical"
    assert critical["confidence"] > warning["confidence"]
