"""Services that fail too often. As of 25 Nov 2026 12:30 UTC; the fixture's rate fell on 18 Nov."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def fallen(ago):
    """A trend: 9 of 22 succeed since 18 Nov 12:30, 58 of 61 before. The intervals are Wilson's."""
    return {
        "environment": "production", "service": "payments", "metric": "success_rate", "change": "lower", "changed_at": ago(days=7),
        "level_before": 58 / 61, "level_before_low": 0.865, "level_before_high": 0.983, "before": 61,
        "level_after": 9 / 22, "level_after_low": 0.233, "level_after_high": 0.613, "after": 22, "change_q_value": 0.001,
    }  # fmt: skip


@pytest.fixture
def failing():
    """Metrics: 3 of 12 succeed in the window. The interval is the exact one."""
    return {
        "environment": "production", "service": "payments", "deployments": 12, "success_rate": 0.25,
        "success_rate_exact_low": 0.055, "success_rate_exact_high": 0.572,
    }  # fmt: skip


@pytest.fixture
def attempts(ago):
    """Attempts d1, d2, ... a day apart, the last an hour before as_of: `(version, status)` each."""

    def rows(*ended):
        return [
            {
                "deployment_id": f"d{number}", "service": "payments", "environment": "production", "version": version,
                "status": status, "is_rollback": False,
                "started_at": ago(days=len(ended) - number, hours=1) - timedelta(minutes=10),
                "finished_at": ago(days=len(ended) - number, hours=1), "updated_at": ago(days=len(ended) - number, hours=1),
            }
            for number, (version, status) in enumerate(ended, 1)
        ]  # fmt: skip

    return rows


OK, BAD = "succeeded", "failed"


class TestFallen:
    def test_it_is_found_with_both_levels(self, find_in, fallen, attempts, ago) -> None:
        (found,) = find_in(deployment_trends=[fallen], raw_deployments=attempts(("1.0", BAD), ("1.1", BAD)))
        assert (found["kind"], found["subject"], found["labels"]) == (
            "deployment_failures",
            "payments",
            '{"environment":"production"}',
        )
        assert found["statement"] == (
            "Deployments of payments to production: 40.9 % (23.3 to 61.3) of 22 deployments have succeeded since 18 Nov 2026,"
            " 95.1 % (86.5 to 98.3) of 61 before that"
        )
        assert found["started_at"] == ago(days=7)
        assert found["confidence"] == pytest.approx(0.999)
        evidence = json.loads(found["evidence"])
        assert (evidence["after"], evidence["failures"], evidence["failed_ids"]) == (22, 2, ["d2", "d1"])
        assert evidence["sql"].endswith(".deployment_trends WHERE environment = 'production' AND service = 'payments'")

    @pytest.mark.parametrize(("high", "severity"), [(0.599, "critical"), (0.6, "warning"), (0.849, "warning"), (0.85, None)])
    def test_how_bad_goes_by_the_upper_end(self, find_in, fallen, high: float, severity: str | None) -> None:
        found = find_in(deployment_trends=[fallen | {"level_after_high": high}])
        assert [row["severity"] for row in found] == [severity] * (severity is not None)

    @pytest.mark.parametrize(
        "other", [{"change": "higher"}, {"change": "no_evidence"}, {"metric": "median_duration_seconds"}], ids=str
    )
    def test_anything_else_is_no_finding(self, find_in, fallen, other) -> None:
        assert find_in(deployment_trends=[fallen | other]) == []

    def test_failures_before_the_fall_are_not_its(self, find_in, fallen, attempts) -> None:
        """d1 was eight days ago."""
        ended = attempts(("0.9", BAD), *[("1.0", OK)] * 6, ("1.1", BAD), ("1.2", BAD))
        (found,) = find_in(deployment_trends=[fallen], raw_deployments=ended)
        assert json.loads(found["evidence"])["failed_ids"] == ["d9", "d8"]


class TestFailing:
    def test_a_low_rate_without_a_fall_is_found(self, find_in, fallen, failing, attempts, ago) -> None:
        ended = attempts(("1.0", BAD), ("1.1", BAD))
        steady = fallen | {"change": "no_evidence", "changed_at": None}
        (found,) = find_in(deployment_metrics=[failing], deployment_trends=[steady], raw_deployments=ended)
        assert found["statement"] == (
            "Deployments of payments to production: 25.0 % (5.5 to 57.2) of 12 deployments succeeded in the last 90 days;"
            " no evidence that it was ever better"
        )
        assert (found["severity"], found["confidence"]) == ("critical", 0.975)
        assert found["started_at"] == ago(days=1, hours=1), "the first failure in the window"
        assert ".deployment_metrics WHERE" in json.loads(found["evidence"])["sql"]

    @pytest.mark.parametrize("trends", [[], [{"change": "too_little_data", "changed_at": None}]], ids=["no trend", "little data"])
    def test_too_little_data_to_tell_since_when_is_said(self, find_in, fallen, failing, trends) -> None:
        (found,) = find_in(deployment_metrics=[failing], deployment_trends=[fallen | trend for trend in trends])
        assert found["statement"].endswith("succeeded in the last 90 days; too few deployments to tell since when")

    @pytest.mark.parametrize(("high", "severity"), [(0.599, "critical"), (0.6, "warning"), (0.799, "warning"), (0.8, None)])
    def test_how_bad_goes_by_the_upper_end(self, find_in, failing, high: float, severity: str | None) -> None:
        found = find_in(deployment_metrics=[failing | {"success_rate_exact_high": high}])
        assert [row["severity"] for row in found] == [severity] * (severity is not None)

    @pytest.mark.parametrize("name", ["environment", "service"])
    def test_rows_over_everything_are_no_finding(self, find_in, failing, name: str) -> None:
        assert find_in(deployment_metrics=[failing | {name: "all"}]) == []

    def test_nothing_deployed_is_no_finding(self, find_in, failing) -> None:
        nothing = {"deployments": 0, "success_rate": None, "success_rate_exact_low": None, "success_rate_exact_high": None}
        assert find_in(deployment_metrics=[failing | nothing]) == []

    def test_both_are_one_finding_told_by_the_fall(self, find_in, fallen, failing) -> None:
        (found,) = find_in(deployment_metrics=[failing], deployment_trends=[fallen])
        assert "have succeeded since 18 Nov 2026, " in found["statement"]

    def test_a_low_rate_that_has_risen_is_past(self, find_in, fallen, failing) -> None:
        risen = fallen | {"change": "higher", "level_after_high": 0.97}
        assert find_in(deployment_metrics=[failing], deployment_trends=[risen]) == []

    def test_a_low_rate_that_has_risen_too_little_is_not(self, find_in, fallen, failing) -> None:
        risen = fallen | {"change": "higher", "level_before": 0.0, "level_before_low": 0.0, "level_before_high": 0.07, "before": 50}
        (found,) = find_in(deployment_metrics=[failing], deployment_trends=[risen])
        assert found["statement"] == (
            "Deployments of payments to production: 40.9 % (23.3 to 61.3) of 22 deployments have succeeded since 18 Nov 2026,"
            " 0.0 % (0.0 to 7.0) of 50 before that; 25.0 % (5.5 to 57.2) of 12 deployments over all of the last 90 days"
        )

    def test_without_the_failures_it_starts_with_the_window(self, find_in, failing, ago) -> None:
        (found,) = find_in(deployment_metrics=[failing])
        assert found["started_at"] == ago(days=90)
        assert found["recommendation"] == (
            "Hold further releases of payments to production; the failed attempts are no longer in raw.deployments."
        )


class TestRecommendation:
    @pytest.fixture
    def recommend(self, find_in, failing, attempts):
        def recommendation(*ended) -> str:
            (found,) = find_in(deployment_metrics=[failing], raw_deployments=attempts(*ended))
            return found["recommendation"]

        return recommendation

    def test_failures_of_different_versions(self, recommend) -> None:
        assert recommend(("1.0", OK), ("1.1", BAD), ("1.2", "rolled_back")) == (
            "Hold further releases of payments to production, and look at the attempts d3 and d2"
            " (versions 1.2 and 1.1, the latest 25 Nov 2026 11:30 UTC; 2 failed deployments in all)."
        )

    def test_only_one_failure(self, recommend) -> None:
        assert recommend(("1.1", BAD)).startswith("Hold further releases of payments")
        assert "look at the attempt d1 (version 1.1, the latest 25 Nov 2026 11:30 UTC; 1 failed deployment in all)" in recommend(
            ("1.1", BAD)
        )

    def test_failures_of_one_version_call_for_a_rollback(self, recommend) -> None:
        said = recommend(("0.9", OK), ("1.0", OK), ("0.8", BAD), ("1.1", BAD), ("1.1", BAD))
        assert said.startswith(
            "Roll payments in production back from 1.1, which accounts for 2 of the 3 failed deployments, to 1.0, which succeeded"
            " 22 Nov 2026 11:30 UTC. Hold further releases of payments to production until it is clear why, and look at the"
            " attempts d5, d4 and d3 (versions 1.1 and 0.8, "
        )

    def test_half_of_the_failures_do_not(self, recommend) -> None:
        assert recommend(("0.8", BAD), ("0.9", BAD), *[("1.1", BAD)] * 2).startswith("Hold further releases of payments")

    def test_a_rollback_has_no_name_where_nothing_else_succeeded(self, recommend) -> None:
        assert "back from 1.1, which accounts for 2 of the 2 failed deployments, to the version before it." in recommend(
            *[("1.1", BAD)] * 2
        )

    def test_what_was_rolled_back_stays_so(self, recommend) -> None:
        assert recommend(("1.1", BAD), ("1.1", "rolled_back")).startswith(
            "Version 1.1 of payments in production, which accounts for 2 of the 2 failed deployments, was rolled back: "
            "leave it that way. Hold"
        )

    def test_a_version_that_was_followed_by_another_is_not_rolled_back(self, recommend) -> None:
        assert recommend(*[("1.1", BAD)] * 3, ("1.2", BAD)).startswith("Hold further releases of payments")

    def test_attempts_without_a_version_do_not_cluster(self, recommend) -> None:
        said = recommend((None, BAD), (None, BAD))
        assert said.startswith("Hold further releases")
        assert "(versions attempt d2 and attempt d1, " in said

    def test_three_successes_say_that_it_may_be_over(self, recommend) -> None:
        assert recommend(("1.1", BAD), ("1.1", BAD), ("1.2", OK), ("1.3", OK), ("1.4", OK)) == (
            "The last 3 deployments succeeded, the latest 25 Nov 2026 11:30 UTC, so it may be over: before the next release of"
            " payments to production, look at the attempts d2 and d1 (version 1.1, the latest 22 Nov 2026 11:30 UTC;"
            " 2 failed deployments in all)."
        )

    def test_one_success_does_not(self, recommend) -> None:
        said = recommend(("1.1", BAD), ("1.1", BAD), ("1.1", OK))
        assert said.startswith("Hold further releases")
        assert said.endswith("The last deployment succeeded, 25 Nov 2026 11:30 UTC, too few to say that it is over.")

    def test_the_last_five_attempts_and_three_versions_are_named(self, recommend) -> None:
        said = recommend(*[(f"1.{number}", BAD) for number in range(9)])
        assert "the attempts d9, d8, d7, d6 and d5 (versions 1.8, 1.7 and 1.6, " in said
        assert "; 9 failed deployments in all)" in said

    def test_what_is_canceled_or_open_or_not_yet_begun_does_not_count(self, find_in, failing, attempts, ago) -> None:
        ended = attempts(("1.1", BAD), ("1.2", "canceled"), ("1.3", "running"))
        ended.append(ended[0] | {"deployment_id": "d0", "started_at": ago(hours=-1), "finished_at": ago(hours=-2)})
        (found,) = find_in(deployment_metrics=[failing], raw_deployments=ended)
        assert json.loads(found["evidence"])["failed_ids"] == ["d1"]


def test_places_are_apart_and_sample_rows_stay_marked(find_in, failing, fallen, attempts) -> None:
    other = {"environment": "it's", "is_sample": True}
    places = {"deployment_metrics": [failing], "deployment_trends": [fallen | other]}
    first, second = find_in(**places, raw_deployments=attempts(("1.1", BAD)))
    assert {each["labels"] for each in (first, second)} == {'{"environment":"it\'s"}', '{"environment":"production"}'}
    assert [first["is_sample"], second["is_sample"]] == [True, False]
    assert json.loads(first["evidence"])["failed_ids"] is None
    assert "environment = 'it''s'" in json.loads(first["evidence"])["sql"]


def test_of_what_failed_at_the_same_instant_the_first_id_comes_first(find_in, failing, attempts, ago) -> None:
    same = dict.fromkeys(("started_at", "finished_at", "updated_at"), ago(hours=1))
    ended = [row | same for row in attempts(*[(f"1.{9 - number}", BAD) for number in range(5)])]
    for rows in (ended, ended[::-1]):
        (found,) = find_in(deployment_metrics=[failing], raw_deployments=rows)
        evidence = json.loads(found["evidence"])
        assert (evidence["failed_ids"], evidence["failed_versions"]) == (["d1", "d2", "d3", "d4", "d5"], ["1.5", "1.6", "1.7"])


histories = st.lists(
    st.tuples(st.sampled_from(["1.0", "1.1", None]), st.sampled_from([OK, BAD, "rolled_back"]), st.integers(0, 3)), max_size=7
)


@given(histories, st.randoms(use_true_random=False))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_in_any_order_and_attempts_at_the_same_instant_give_the_same_words(
    find_in, failing, attempts, ago, drawn, random
) -> None:
    rows = [
        row | dict.fromkeys(("started_at", "finished_at", "updated_at"), ago(hours=1 + hours))
        for row, (_, _, hours) in zip(attempts(*[entry[:2] for entry in drawn]), drawn, strict=True)
    ]
    once = find_in(deployment_metrics=[failing], raw_deployments=rows)
    assert find_in(deployment_metrics=[failing], raw_deployments=random.sample(rows, len(rows))) == once
