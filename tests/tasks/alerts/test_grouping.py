"""Many subjects as one alert: when it begins, how bad it is, whom it names, and when it ends."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.alerts.engine import evaluate_on, read_alerts
from tasks.alerts.grouping import MOST_MEMBERS, grouped
from tasks.alerts.rule import Exemption, Rule
from tasks.alerts.states import Observation, severity_of
from tasks.matchers import parse_matcher

OPS = {"ops": "warning"}
LAG = Rule(
    "lag",
    "SELECT subject, host, value FROM lags",
    warning=10,
    critical=20,
    clear=5,
    group_by=("host",),
    message="{subject} lags by {value}",
)


@pytest.fixture
def lags(con):
    """Set what the rule sees: (subject, host) -> value."""
    con.execute("CREATE TABLE lags (subject VARCHAR, host VARCHAR, value DOUBLE)")

    def set_lags(values: dict[tuple[str, str], float]) -> None:
        con.execute("DELETE FROM lags")
        for (subject, host), value in values.items():
            con.execute("INSERT INTO lags VALUES (?, ?, ?)", [subject, host, value])

    return set_lags


def test_a_group_begins_with_its_first_member_and_ends_with_its_last(con, lags, at) -> None:
    lags({("a", "h1"): 3, ("b", "h1"): 12, ("c", "h2"): 1})
    told = [evaluate_on(con, [LAG], OPS, at(0)).transitions]
    for minute, (a, b) in enumerate([(13, 12), (25, 12), (13, 2), (6, 2), (4, 2)], 1):
        lags({("a", "h1"): a, ("b", "h1"): b, ("c", "h2"): 1})
        told.append(evaluate_on(con, [LAG], OPS, at(5 * minute)).transitions)
    assert [[each.event for each in transitions] for transitions in told] == [
        ["firing"],
        [],
        ["escalated"],
        ["eased"],
        [],
        ["resolved"],
    ]
    assert told[0][0].reason == "b lags by 12, warning at 10 or more"
    assert told[2][0].reason == "a lags by 25, critical at 20 or more; 2 in all: a, b"
    (alert,) = read_alerts(con).values() or [told[-1][0].after]
    assert (alert.subject, alert.labels) == ("h1", (("host", "h1"),))


def test_members_are_counted_and_the_worst_named_first(con, lags, at) -> None:
    lags({(f"s{number:02}", "h1"): 10 + number / 100 for number in range(30)})
    (told,) = evaluate_on(con, [LAG], OPS, at(0)).transitions
    (alert,) = read_alerts(con).values()
    assert (alert.member_count, alert.members) == (30, tuple(f"s{number:02}" for number in range(29, 29 - MOST_MEMBERS, -1)))
    assert told.reason.endswith("; 30 in all: s29, s28, s27, s26, s25 and 25 more")


def test_an_exception_takes_a_member_out(con, lags, at) -> None:
    lags({("a", "h1"): 25, ("b", "h1"): 12})
    off = Exemption((parse_matcher("subject=a"),), off=True)
    (told,) = evaluate_on(con, [replace(LAG, exceptions=(off,))], OPS, at(0)).transitions
    assert (told.after.severity, told.after.members) == ("warning", ("b",))


def test_a_group_by_subject_has_no_further_label(con, lags, at) -> None:
    lags({("a", "h1"): 12, ("a", "h2"): 12, ("b", "h1"): 12})
    evaluate_on(con, [replace(LAG, group_by=("subject",))], OPS, at(0))
    assert {(alert.subject, alert.labels, alert.members) for alert in read_alerts(con).values()} == {
        ("a", (), ("a, h1", "a, h2")),
        ("b", (), ("b, h1",)),
    }


def test_a_rule_that_yields_no_such_label_says_so(con, lags, at) -> None:
    result = evaluate_on(con, [replace(LAG, group_by=("zone",))], OPS, at(0))
    assert result.failures == ("rule lag: its sql does not yield zone, by which it groups",)


seen = st.builds(
    Observation,
    subject=st.sampled_from("abcd"),
    value=st.floats(0, 30),
    labels=st.one_of(st.just(()), st.sampled_from(["h1", "h2"]).map(lambda host: (("host", host),))),
)


@given(st.lists(seen, max_size=12))
def test_a_group_is_as_bad_as_its_worst_member_and_nobody_is_lost(observations: list[Observation]) -> None:
    groups = grouped(LAG, observations)
    hosts = {dict(each.labels)["host"] for each in observations if each.labels}
    assert sorted(each.subject for each in groups if each.labels) == sorted(hosts)
    assert sum(not each.labels for each in groups) == sum(not each.labels for each in observations)
    for group in (each for each in groups if each.labels):
        values = [each.value for each in observations if each.labels == group.labels]
        assert group.value == max(values)
        assert group.member_count == sum(severity_of(LAG, value) is not None for value in values)
