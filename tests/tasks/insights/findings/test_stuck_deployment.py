"""Deployments that stay open. As of 25 Nov 2026 12:30 UTC; that the first `stuck` of a place's open ones are the stuck ones is what
insights.deployment_metrics counts by."""

import json

import pytest


@pytest.fixture
def open_one(ago):
    """It runs for three days and four hours."""
    return {
        "deployment_id": "d9", "service": "api", "environment": "production", "version": "2.1", "status": "running",
        "started_at": ago(days=3, hours=4), "updated_at": ago(days=3, hours=4), "is_deleted": False,
    }  # fmt: skip


@pytest.fixture
def ended(ago):
    """Forty-nine that took ten minutes and one that took four days, in other places, a month ago."""
    lasting = [{"minutes": 10}] * 49 + [{"days": 4}]
    return [
        {
            "deployment_id": f"e{number}", "service": "web", "environment": "production", "version": f"1.{number}",
            "status": "succeeded", "started_at": ago(days=30) - ago() + ago(**span), "finished_at": ago(days=30),
            "updated_at": ago(days=30), "is_deleted": False,
        }
        for number, span in enumerate(lasting)
    ]  # fmt: skip


def place(stuck: int, **given) -> dict:
    return {"environment": "production", "service": "api", "stuck": stuck} | given


def test_a_stuck_one_is_found_with_what_to_do(find_in, open_one, ended, ago) -> None:
    (found,) = find_in(deployment_metrics=[place(1)], raw_deployments=[open_one, *ended])
    assert (found["kind"], found["subject"], found["severity"]) == ("stuck_deployment", "d9", "critical")
    assert found["statement"] == (
        "deployment d9 of api 2.1 to production has been running for 3 d 4 h, since 22 Nov 2026 08:30 UTC;"
        " of 50 attempts that ended in 90 days 1 took as long"
    )
    assert found["recommendation"] == (
        "Check whether its job still runs; if not, close the record of deployment d9 of api 2.1 to production in the platform,"
        " check what it already deployed, and start it again."
    )
    assert found["started_at"] == ago(days=3, hours=4)
    assert found["confidence"] == pytest.approx(50 / 52), "49 of 50 ended sooner"
    evidence = json.loads(found["evidence"])
    assert (evidence["elapsed_seconds"], evidence["longer"], evidence["ended"]) == (76 * 3600.0, 1, 50)
    assert evidence["sql"] == "SELECT * FROM insights.deployment_metrics WHERE environment = 'production' AND service = 'api'"


def test_of_those_that_are_open_the_first_to_begin_are_stuck(find_in, open_one, ago) -> None:
    """One still has time; of two that began together both are counted."""
    young = open_one | {"deployment_id": "a1", "version": "2.3", "started_at": ago(hours=2), "updated_at": ago(hours=2)}
    twin = open_one | {"deployment_id": "d8", "version": "2.2"}
    found = find_in(deployment_metrics=[place(2)], raw_deployments=[young, open_one, twin])
    assert [each["subject"] for each in found] == ["d8", "d9"]


def test_of_many_in_one_place_the_latest_five_will_do(find_in, open_one, ago) -> None:
    """Nine are stuck, and one that began after them is not; in another place there is one more."""
    many = [open_one | {"deployment_id": f"d{n}", "version": f"v{n}", "started_at": ago(days=20 - n)} for n in range(9)]
    young = open_one | {"deployment_id": "young", "version": "v", "started_at": ago(hours=1)}
    other = open_one | {"deployment_id": "other", "service": "web"}
    found = find_in(deployment_metrics=[place(9), place(1, service="web")], raw_deployments=[*many, young, other])
    assert [each["subject"] for each in found] == ["d4", "d5", "d6", "d7", "d8", "other"]
    assert json.loads(found[0]["evidence"])["stuck"] == 9


def test_where_none_is_counted_none_is_found(find_in, open_one) -> None:
    assert find_in(deployment_metrics=[place(0)], raw_deployments=[open_one]) == []
    elsewhere = [place(1, environment="staging"), place(1, service="all"), place(1, environment="all")]
    assert find_in(deployment_metrics=elsewhere, raw_deployments=[open_one]) == []


def test_what_went_out_after_it_leaves_only_the_record_to_close(find_in, open_one, ago) -> None:
    def out(key: str, **span: int) -> dict:
        return open_one | {
            "deployment_id": key, "version": f"v{key}", "status": "succeeded", "started_at": ago(**span),
            "finished_at": ago(**span), "updated_at": ago(**span),
        }  # fmt: skip

    rows = [open_one, out("before", days=4), out("e1", days=2), out("e2", days=1), out("later", days=-1)]
    (found,) = find_in(deployment_metrics=[place(1)], raw_deployments=rows)
    assert found["severity"] == "warning"
    assert found["recommendation"] == (
        "2 deployments of api to production succeeded since, the latest of ve2 24 Nov 2026 12:30 UTC, so nothing waits for it:"
        " make sure that its job no longer runs, and close the record of deployment d9 of api 2.1 to production in the platform."
    )


def test_one_that_was_never_taken_up_is_pending(find_in, open_one, ago) -> None:
    waiting = open_one | {"status": "pending", "started_at": None, "committed_at": ago(days=2), "version": None}
    (found,) = find_in(deployment_metrics=[place(1)], raw_deployments=[waiting])
    assert found["statement"].startswith(
        "deployment d9 of api to production has been pending for 2 d, since 23 Nov 2026 12:30 UTC; no attempt"
    )
    assert found["recommendation"].startswith(
        "Check whether it waits for an approval, or nothing picks up deployments to production;"
    )
    assert found["confidence"] == 0.5, "nothing to compare it with"


def test_it_is_as_it_stood_then(find_in, open_one, ago) -> None:
    """It ended an hour later, so that it was running; one that had ended by then is none of them."""
    since_ended = open_one | {"status": "failed", "finished_at": ago(hours=-1), "updated_at": ago(hours=-1)}
    (found,) = find_in(deployment_metrics=[place(1)], raw_deployments=[since_ended])
    assert "has been running for 3 d 4 h" in found["statement"]
    had_ended = open_one | {"status": "failed", "finished_at": ago(hours=1), "updated_at": ago(hours=1)}
    assert find_in(deployment_metrics=[place(1)], raw_deployments=[had_ended]) == []


def test_a_source_that_is_down_does_not_let_it_last_longer(find_in, open_one, ago) -> None:
    (found,) = find_in(deployment_metrics=[place(1)], raw_deployments=[open_one | {"extracted_at": ago(days=1)}])
    assert "has been running for 2 d 4 h, since" in found["statement"]


@pytest.mark.parametrize(("days", "count"), [(89, 1), (91, 0)])
def test_what_began_before_the_window_is_past_caring(find_in, open_one, ago, days: int, count: int) -> None:
    old = open_one | {"started_at": ago(days=days), "updated_at": ago(days=days)}
    assert len(find_in(deployment_metrics=[place(1)], raw_deployments=[old])) == count


def test_deleted_ones_and_retried_ones_are_not_found(find_in, open_one, ago) -> None:
    assert find_in(deployment_metrics=[place(1)], raw_deployments=[open_one | {"is_deleted": True}]) == []
    again = open_one | {
        "deployment_id": "d10", "status": "succeeded", "started_at": ago(days=3, hours=3, minutes=30),
        "finished_at": ago(days=3, hours=3), "updated_at": ago(days=3, hours=3),
    }  # fmt: skip
    assert find_in(deployment_metrics=[place(1)], raw_deployments=[open_one, again]) == []


def test_names_are_quoted_and_kept_to_one_line(find_in, open_one) -> None:
    odd = {"service": "o'hara\nx", "is_sample": True}
    (found,) = find_in(deployment_metrics=[place(1, service="o'hara\nx")], raw_deployments=[open_one | {"service": odd["service"]}])
    assert "of o'hara x 2.1 to production" in found["statement"]
    assert "service = 'o''hara\nx'" in json.loads(found["evidence"])["sql"]
