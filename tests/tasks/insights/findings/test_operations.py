"""Operations that are slow or fail more often than they did. As of 25 Nov 2026 12:30 UTC; the fixture's are bad since 11:00."""

import json
from datetime import timedelta

import pytest

HOUR = timedelta(hours=1)
LOOK = "Look at what GET /assets waits for (its database, other services) and at its host since then."
SLOW = {
    "p95_seconds": 2.4, "p95_low": 1.9, "p95_high": 3.1, "p95_ratio": 2.0, "timed": 118, "slow": 37, "very_slow": 30,
    "requests": 120, "failed": 2,
}  # fmt: skip
FAILING = {"failed": 24, "error_rate": 0.2, "error_rate_low": 0.138, "error_rate_high": 0.281}


@pytest.fixture
def hours(ago):
    """Ten days of hours up to 12:00, 120 requests in each; of the last whole one what is said."""

    def rows(last=(), operation="GET /assets", kind="api", **more):
        usual = {
            "operation": operation, "kind": kind, "coverage": 1.0, "requests": 120, "failed": 1, "timed": 118, "slow": 6,
            "very_slow": 2, "p95_seconds": 1.2, "p95_low": 1.0, "p95_high": 1.4, "baseline_p95_seconds": 1.2, "p95_ratio": 1.0,
            "error_rate": 1 / 120, "error_rate_low": 0.001, "error_rate_high": 0.046, "baseline_error_rate": 1 / 120,
        }  # fmt: skip
        first = ago(minutes=90)
        return [usual | {"hour_at": first - n * HOUR} | (dict(last) if n == 0 else {}) | more for n in range(240)]

    return rows


def test_a_slow_operation_is_found_with_its_numbers(find_in, hours, ago) -> None:
    (found,) = find_in(application_health=hours(SLOW))
    assert (found["kind"], found["subject"], found["severity"]) == ("response_time_degradation", "GET /assets", "warning")
    assert found["statement"] == (
        "GET /assets has been slow since 25 Nov 2026 11:00 UTC: 95 of 100 requests take up to 2.4 s (1.9 s to 3.1 s), "
        "2.0 times the usual 1.2 s; 37 of 118 requests in the hour from 25 Nov 2026 11:00 UTC took longer than 1.2 s "
        "(usually 5.1 %)"
    )
    assert found["recommendation"] == LOOK
    assert found["started_at"] == ago(minutes=90)
    assert 0.998 <= found["confidence"] <= 1
    evidence = json.loads(found["evidence"])
    assert (evidence["slow"], evidence["p95_low"], evidence["bad_hours"]) == (37, 1.9, 1)
    assert evidence["sql"].endswith("operation = 'GET /assets' AND hour_at >= '2026-11-25T11:00:00+00:00' ORDER BY hour_at")


def test_failing_more_often_is_found_with_its_numbers(find_in, hours) -> None:
    (found,) = find_in(application_health=hours(FAILING))
    assert (found["kind"], found["subject"], found["severity"]) == ("error_rate_rise", "GET /assets", "critical")
    assert found["statement"] == (
        "GET /assets has failed more often since 25 Nov 2026 11:00 UTC: 20.0 % (13.8 to 28.1) of 120 requests failed in the hour"
        " from 25 Nov 2026 11:00 UTC, usually 0.8 %"
    )
    assert found["recommendation"] == "Look at the errors of GET /assets in the service's log since then, and at what it calls."
    assert json.loads(found["evidence"])["failed"] == 24


def test_both_are_two_findings(find_in, hours) -> None:
    found = find_in(application_health=hours(SLOW | FAILING))
    assert sorted(row["kind"] for row in found) == ["error_rate_rise", "response_time_degradation"]


@pytest.mark.parametrize(
    ("last", "kinds"),
    [
        ({}, []),
        (SLOW | {"p95_low": 1.55}, []),
        (SLOW | {"p95_low": 1.57}, ["response_time_degradation"]),
        (SLOW | {"slow": 12, "very_slow": 4}, []),
        (SLOW | {"timed": 29, "slow": 29, "very_slow": 29}, []),
        (SLOW | {"slow": None, "very_slow": None, "baseline_p95_seconds": None}, []),
        (FAILING | {"error_rate": 0.018}, []),
        (FAILING | {"failed": 4}, []),
        (FAILING | {"requests": 19, "failed": 19}, []),
    ],
    ids=["as usual", "too little", "just enough", "chance", "thin", "no baseline", "under a point", "chance errors", "thin errors"],
)
def test_it_takes_evidence_and_a_size(find_in, hours, last, kinds) -> None:
    assert [row["kind"] for row in find_in(application_health=hours(last))] == kinds


@pytest.mark.parametrize(
    ("last", "severity"),
    [
        (SLOW | {"p95_low": 2.39}, "warning"), (SLOW | {"p95_low": 2.4}, "critical"),
        (FAILING | {"error_rate_low": 0.099}, "warning"), (FAILING | {"error_rate_low": 0.1}, "critical"),
    ],
)  # fmt: skip
def test_how_bad_goes_by_the_lower_end(find_in, hours, last, severity: str) -> None:
    (found,) = find_in(application_health=hours(last))
    assert found["severity"] == severity


def test_without_an_upper_end_it_is_said_so(find_in, hours) -> None:
    (found,) = find_in(application_health=hours(SLOW | {"p95_high": None}))
    assert "up to 2.4 s (at least 1.9 s), 2.0 times" in found["statement"]


class TestRecommendation:
    def test_a_deployment_of_the_hour_before_is_named(self, find_in, hours, ago) -> None:
        release = {"service": "catalog", "version": "1.4", "environment": "production", "status": "succeeded"}
        released = [
            release | {"deployment_id": "d1", "finished_at": ago(minutes=140)},
            release | {"deployment_id": "d2", "finished_at": ago(minutes=160), "version": "1.3"},
            release | {"deployment_id": "d3", "finished_at": ago(minutes=20), "version": "1.5"},
            release | {"deployment_id": "d4", "finished_at": ago(minutes=135), "status": "failed"},
            release | {"deployment_id": "d5", "finished_at": ago(minutes=135), "is_deleted": True},
        ]
        (found,) = find_in(application_health=hours(SLOW), raw_deployments=released)
        assert found["recommendation"] == (
            "Deployed when it began: catalog 1.4 to production (25 Nov 2026 10:10 UTC). If one of them serves GET /assets, roll it"
            " back."
        )

    def test_more_requests_than_usual_are_named(self, find_in, hours) -> None:
        busy = {"requests": 360, "timed": 354, "slow": 111, "very_slow": 90}
        rows = hours(SLOW | busy)
        (found,) = find_in(application_health=rows)
        assert found["recommendation"] == (
            "It had 360 requests in the hour from 25 Nov 2026 11:00 UTC, 3.0 times as many as usual: find out who sends "
            "them, and limit them or give GET /assets more capacity."
        )

    def test_a_query_is_looked_at_in_its_database(self, find_in, hours) -> None:
        (slow,) = find_in(application_health=hours(SLOW, "totals", "query"))
        assert slow["recommendation"] == "Look at the plan of totals, at locks, and at the load of its database since then."
        (failing,) = find_in(application_health=hours(FAILING, "totals", "query"))
        assert failing["recommendation"].startswith("Look at the errors of totals in the log of its database")

    def test_several_at_once_point_to_what_they_share(self, find_in, hours) -> None:
        found = find_in(application_health=[row for name in "abcde" for row in hours(SLOW, name)])
        assert [row["subject"] for row in found] == list("abcde")
        assert found[0]["recommendation"].startswith(
            "The same is true of b, c, d and 1 more: look first at what they share. Look at what a"
        )


def test_names_are_quoted_and_sample_rows_stay_marked(find_in, hours) -> None:
    (found,) = find_in(application_health=hours(SLOW, "it's", is_sample=True))
    assert found["is_sample"]
    assert "operation = 'it''s'" in json.loads(found["evidence"])["sql"]


def test_hours_after_as_of_do_not_count(find_in, hours, ago) -> None:
    later = [row | {"hour_at": row["hour_at"] + 3 * HOUR} for row in hours(SLOW)[:1]]
    assert find_in(application_health=hours() + later) == []


class TestByTheDay:
    """Ten requests an hour: no hour can be judged, the last 24 hours have 240."""

    @pytest.fixture
    def few(self, hours):
        def rows(slow=1, failed=0):
            thin = {"requests": 10, "timed": 10, "slow": 1, "very_slow": 0, "failed": 0, "p95_seconds": None, "p95_low": None}
            made = hours(**thin | {"p95_high": None, "p95_ratio": None, "error_rate": 0.0, "baseline_error_rate": 0.0})
            return [
                row | ({"slow": slow, "very_slow": slow - 1, "failed": failed} if place < 23 else {})
                for place, row in enumerate(made)
            ]

        return rows

    def test_a_slow_day_is_found(self, find_in, few, ago) -> None:
        (found,) = find_in(application_health=few(slow=4))
        assert found["statement"] == (
            "GET /assets has been slow: of 230 requests in the 24 hours since 24 Nov 2026 13:00 UTC, 92 took longer than "
            "the usual 95th percentile of 1.2 s (usually 10.0 %), and 69 took longer than 1.5 times that"
        )
        assert (found["kind"], found["severity"]) == ("response_time_degradation", "warning")
        assert found["started_at"] == ago(hours=23, minutes=30)
        assert found["recommendation"] == LOOK

    def test_a_day_with_many_errors_is_found(self, find_in, few) -> None:
        (found,) = find_in(application_health=few(failed=3))
        assert found["statement"] == (
            "GET /assets has failed more often: 30.0 % (24.4 to 36.2) of 230 requests failed in the 24 hours since 24 Nov 2026"
            " 13:00 UTC, usually under 0.1 %"
        )
        assert found["severity"] == "critical"

    def test_a_day_as_usual_is_not(self, find_in, few) -> None:
        assert find_in(application_health=few(slow=1)) == []
