"""What one evaluation says: identity, sentences, who is told, and that rules do not touch each other's alerts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from storage.fingerprints import fingerprint
from tasks.alerts.evaluation import Transition, evaluate
from tasks.alerts.queueing import outbox_rows
from tasks.alerts.rule import Rule
from tasks.alerts.sentences import format_value
from tasks.alerts.states import Alert, Observation

DISK = Rule("disk", "SELECT 1", warning=0.8, critical=0.9, unit="%", message="{subject} is {value} full")
RATE = Rule("rate", "SELECT 1", warning=0.8, direction="below")


def one(rule: Rule, seen: list[Observation], alerts: dict[str, Alert], now) -> list[Transition]:
    after, transitions = evaluate([rule], {rule.name: seen}, alerts, now)
    alerts |= {alert.fingerprint: alert for alert in after}
    return transitions


def test_identity_is_rule_subject_and_labels_whatever_their_order() -> None:
    labels = (("a", "1"), ("b", "2"))
    keys = [
        fingerprint("r", "s", labels),
        fingerprint("r", "s", ()),
        fingerprint("r2", "s", labels),
        fingerprint("r", "s2", labels),
    ]
    assert len(set(keys)) == 4
    assert fingerprint("r", "s", labels[::-1]) == keys[0]


def test_severity_and_value_are_no_identity(at) -> None:
    alerts: dict[str, Alert] = {}
    for minute, value in enumerate((0.85, 0.95, 0.7)):
        one(DISK, [Observation("h1", value)], alerts, at(minute))
    assert len(alerts) == 1


def test_subjects_are_alerts_of_their_own(at) -> None:
    alerts: dict[str, Alert] = {}
    seen = [Observation("h1", 0.85, (("mount", "/"),)), Observation("h1", 0.95, (("mount", "/data"),)), Observation("h2", 0.1)]
    transitions = one(DISK, seen, alerts, at(0))
    assert [(t.after.labels, t.after.severity) for t in transitions] == [
        ((("mount", "/"),), "warning"),
        ((("mount", "/data"),), "critical"),
    ]


def test_a_rule_that_could_not_be_evaluated_keeps_its_alerts(at) -> None:
    alerts: dict[str, Alert] = {}
    one(DISK, [Observation("h1", 0.95)], alerts, at(0))
    standing = dict(alerts)
    after, transitions = evaluate([DISK, RATE], {"rate": [Observation("api", 0.5)]}, standing, at(5))
    assert [alert.rule for alert in after] == ["rate"]
    assert [t.event for t in transitions] == ["firing"]


def test_sentences_hold_the_numbers(at) -> None:
    alerts: dict[str, Alert] = {}
    seen = Observation("h1", 0.8512, (("mount", "/data"),), is_sample=True)
    (fired,) = one(DISK, [seen], alerts, at(0))
    for words in ("h1", "/data", "85.1% full", "warning", "80.0%", "sample"):
        assert words in fired.reason
    (resolved,) = one(DISK, [Observation("h1", 0.5, seen.labels)], alerts, at(5))
    assert "50.0% full" in resolved.reason
    assert "sample" not in resolved.reason


def test_a_subject_that_is_gone_is_said_to_be_gone(at) -> None:
    alerts: dict[str, Alert] = {}
    one(RATE, [Observation("api", 0.5)], alerts, at(0))
    (gone,) = one(RATE, [], alerts, at(5))
    assert gone.reason == "rate no longer reports api"


def test_gone_says_since_when_nothing_is_known(at) -> None:
    watched = replace(DISK, no_data_for=timedelta(minutes=30), gone_after=timedelta(hours=1))
    alerts: dict[str, Alert] = {}
    one(watched, [Observation("h1", 0.85)], alerts, at(0))
    one(watched, [], alerts, at(30))
    (transition,) = one(watched, [], alerts, at(90))
    assert (transition.event, transition.reason) == ("gone", "h1 has left for good: no value since 2026-03-10 12:00 UTC")


def test_no_data_says_since_when(at) -> None:
    watched = Rule("disk", "SELECT 1", warning=0.8, no_data_for=timedelta(minutes=30))
    alerts: dict[str, Alert] = {}
    one(watched, [Observation("h1", 0.9)], alerts, at(0))
    (lost,) = one(watched, [], alerts, at(30))
    assert lost.reason == "no value for h1 since 2026-03-10 12:00 UTC"


def test_braces_in_names_are_only_characters(at) -> None:
    odd = Rule("disk{0}", "SELECT 1", warning=0.8)
    (fired,) = one(odd, [Observation("{subject}", 0.9)], {}, at(0))
    assert fired.reason.startswith("disk{0} of {subject} is 0.9")


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (None, "", "unknown"),
        (0.8, "%", "80.0%"),
        (1234567.0, "", "1.23457e+06"),
        (1500.0, "rows", "1,500 rows"),
        (45.0, "s", "45 s"),
    ],
)
def test_values_are_written_for_people(value: float | None, unit: str, said: str) -> None:
    assert format_value(value, unit) == said


@pytest.mark.parametrize(
    ("least", "severity", "wanted"),
    [("warning", "warning", True), ("warning", "critical", True), ("critical", "warning", False), ("critical", "critical", True)],
)
def test_a_channel_is_told_from_its_severity_on(at, least: str, severity: str, wanted: bool) -> None:
    (fired,) = one(DISK, [Observation("h1", 0.95 if severity == "critical" else 0.85)], {}, at(0))
    assert bool(outbox_rows(fired, {}, {"chat": least})) is wanted


def test_who_heard_of_a_critical_alert_hears_of_its_end_as_a_warning(at) -> None:
    alerts: dict[str, Alert] = {}
    made = [
        transition
        for minute, value in enumerate((0.95, 0.85, 0.1))
        for transition in one(DISK, [Observation("h1", value)], alerts, at(minute))
    ]
    assert [
        (each.event, each.after.severity, bool(outbox_rows(each, {}, {"chat": "critical"}))) for each in made if each.event
    ] == [
        ("firing", "critical", True),
        ("eased", "warning", True),
        ("resolved", "warning", True),
    ]


def test_alerts_of_a_rule_that_is_gone_are_resolved_and_told(at) -> None:
    alerts: dict[str, Alert] = {}
    one(DISK, [Observation("h1", 0.95)], alerts, at(0))
    after, transitions = evaluate([RATE], {"rate": []}, alerts, at(5))
    assert [(alert.rule, alert.state, alert.resolved_at) for alert in after] == [("disk", "resolved", at(5))]
    assert [(t.event, t.reason) for t in transitions] == [("resolved", "the rule disk no longer exists")]
    assert evaluate([RATE], {"rate": []}, {alert.fingerprint: alert for alert in after}, at(10)) == ([], [])


@pytest.mark.parametrize("rule", [DISK, RATE])
def test_of_two_values_for_one_subject_the_worse_one_counts(rule: Rule, at) -> None:
    worse, better = (0.95, 0.1) if rule is DISK else (0.1, 0.95)
    for values in ((worse, better), (better, worse)):
        (transition,) = one(rule, [Observation("h1", value) for value in values], {}, at(0))
        assert transition.after.value == worse


def test_what_is_nearly_certain_is_not_called_certain() -> None:
    assert [format_value(share, "%") for share in (0.9994, 0.9999, 1.0)] == ["99.9%", "over 99.9%", "100.0%"]


def test_a_detail_is_told_and_is_no_part_of_the_identity(at) -> None:
    rule = Rule("failing", "SELECT 1", warning=0.8, direction="below", message="{subject} at {value}: {detail}")
    alerts: dict[str, Alert] = {}
    (fired,) = one(rule, [Observation("api", 0.5, detail="5 of 22")], alerts, at(0))
    (resolved,) = one(rule, [Observation("api", 0.9, detail="20 of 22")], alerts, at(5))
    assert fired.reason == "api at 0.5: 5 of 22, warning at 0.8 or less"
    assert resolved.reason.startswith("api at 0.9: 20 of 22")
    assert resolved.after.fingerprint == fired.after.fingerprint
