"""Whose an alert is: known and unambiguous, or not said."""

import pytest

from storage.asking.reader import asking_on
from storage.catalogue import TABLES
from tasks.alerts.engine import evaluate_on, read_alerts
from tasks.alerts.rule import Exemption, Rule
from tasks.alerts.rules import load_rules
from tasks.alerts.sentences import about
from tasks.alerts.states import Observation
from tasks.alerts.teams import read_teams, team_of
from tasks.matchers import parse_matcher
from tasks.routes import Recipients, Route
from tests.insight_rows import insert

BAD = Rule("bad", "SELECT 'api' AS subject, 5 AS value", warning=1, about="service")


def put(con, name: str, **row) -> None:
    insert(con, TABLES[f"insights.{name}"], row)


def deployed(con, at, service: str, team: str | None, environment: str = "production") -> None:
    put(con, "deployment_metrics", as_of=at(0), environment=environment, service=service, team=team, success_rate_exact_high=0.1)


def test_a_service_has_the_one_team_that_its_deployments_name(con, at) -> None:
    deployed(con, at, "api", "web"), deployed(con, at, "api", None, "staging")
    deployed(con, at, "jobs", "web"), deployed(con, at, "jobs", "data", "staging")
    deployed(con, at, "old", None), deployed(con, at, "all", "web")
    assert read_teams(asking_on(con)) == {("service", "api"): "web"}


def test_a_domain_has_the_team_of_all_its_declared_owners(con, at) -> None:
    for user, team in (("u1", "data"), ("u2", "data"), ("u3", "web"), ("u4", None), ("u5", "web")):
        put(con, "user_profiles", as_of=at(0), user_id=user, team=team)
    owners = {"one": "u1", "agree": "u1 u2", "differ": "u1 u3", "unknown": "u1 u4", "after": "u1 u5-", "gone": "u5-"}
    for domain, users in owners.items():
        for user in users.split():
            verdict = "left" if user.endswith("-") else "confirmed"
            put(con, "domain_owners", as_of=at(0), domain=domain, user_id=user.rstrip("-"), is_declared=True, verdict=verdict)
    put(con, "domain_owners", as_of=at(0), domain="team", user_id="stewards", is_declared=True, verdict="confirmed", is_team=True)
    put(con, "domain_owners", as_of=at(0), domain="not declared", user_id="u1", is_declared=False, verdict="unowned")
    expected = {"one": "data", "agree": "data", "after": "data", "team": "stewards"}
    assert read_teams(asking_on(con)) == {("domain", domain): team for domain, team in expected.items()}


def test_a_scan_has_the_team_of_who_asked_for_it(con, at) -> None:
    put(con, "user_profiles", as_of=at(0), user_id="u1", team="data")
    for scan, user in (("s1", "u1"), ("s2", "system"), ("s3", None)):
        put(con, "active_scans", as_of=at(0), scan_id=scan, subject=scan, data_source="crm", triggered_by=user)
    assert read_teams(asking_on(con)) == {("scan", "s1"): "data"}


@pytest.mark.parametrize(
    ("labels", "about", "team"),
    [
        ((), "service", "web"),
        ((), "", ""),
        ((("service", "api"),), "", "web"),
        ((("domain", "crm"),), "", "data"),
        ((("domain", "crm"),), "service", ""),
        ((("team", "ops"),), "service", ""),
        ((("service", "nobody's"),), "", ""),
    ],
)
def test_a_team_is_told_only_where_all_that_is_known_agrees(labels, about: str, team: str) -> None:
    teams = {("service", "api"): "web", ("domain", "crm"): "data"}
    assert team_of(Rule("r", "", about=about), Observation("api", 1.0, labels), teams) == team


def test_routes_and_exceptions_match_the_team(con, at) -> None:
    deployed(con, at, "api", "web")
    routes = Recipients({"ops": "warning", "web": "warning"}, (Route("web", (parse_matcher("team=web"),), ("web",)),))
    off = Exemption((parse_matcher("team=web"),), off=True)
    evaluate_on(con, [Rule("mild", BAD.sql, warning=1, about="service", exceptions=(off,))], routes, at(0))
    assert not read_alerts(con)
    evaluate_on(con, [BAD], routes, at(0))
    assert con.sql("SELECT channel FROM alerts.notifications").fetchall() == [("web",)]


def test_a_service_that_changes_hands_keeps_its_alert(con, at) -> None:
    deployed(con, at, "api", "web")
    evaluate_on(con, [BAD], {"ops": "warning"}, at(0))
    con.execute("UPDATE insights.deployment_metrics SET team = 'data'")
    result = evaluate_on(con, [BAD], {"ops": "warning"}, at(5))
    (alert,) = read_alerts(con).values()
    assert (result.events, alert.episode, alert.labels) == ({}, 1, (("team", "data"),))
    assert about(alert) == "api"


def test_a_team_that_tells_alerts_apart_is_said(con, at) -> None:
    evaluate_on(con, [Rule("own", "SELECT 'api' AS subject, 'web' AS team, 5 AS value", warning=1)], {"ops": "warning"}, at(0))
    assert [about(alert) for alert in read_alerts(con).values()] == ["api, web"]


def test_the_shipped_rules_say_what_they_are_about() -> None:
    about = {rule.name: rule.about for rule in load_rules(None) if rule.about}
    assert about == {
        "scan_probably_dead": "scan",
        "scan_running_long": "scan",
        "deployments_failing": "service",
        "deployment_failures": "service",
        "knowledge_at_risk": "domain",
    }
