"""One evaluation, pure: rules, what they saw, and the alerts as they stand -> the alerts as they shall stand, and the transitions
between the two."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from storage.fingerprints import fingerprint
from tasks.alerts.exceptions import cases_of, is_off, is_turned_off
from tasks.alerts.inhibition import speaks_for
from tasks.alerts.rule import Rule
from tasks.alerts.sentences import about, explain, unanswered
from tasks.alerts.states import (
    ACTIVE,
    OVER,
    Alert,
    CareOf,
    Observation,
    Step,
    advance,
    badness,
    hold,
    leave,
    leave_now,
    pause,
    resolve,
    without_care,
)

SEVERITIES = ("warning", "critical")
IN_ERROR = (("about", "the rule itself"),)
"""The label of the alert that says that a rule failed."""


@dataclass(frozen=True)
class Transition:
    """A change of state or severity, or what is told without one; a row of alerts.transitions. `is_damped`: it is kept back."""

    transition_id: str
    before: Alert
    after: Alert
    event: str | None
    is_damped: bool
    reason: str
    transitioned_at: datetime


def evaluate(
    rules: Iterable[Rule],
    seen: Mapping[str, Sequence[Observation]],
    alerts: Mapping[str, Alert],
    now: datetime,
    errors: Mapping[str, str] | None = None,
    care_of: CareOf = without_care,
) -> tuple[list[Alert], list[Transition]]:
    """Advance every alert of the rules in `seen`; a rule that is absent from it could not be evaluated and keeps its alerts.

    An alert whose rule is not among `rules` any more is resolved: nothing will ever evaluate it again.

    Args:
        alerts: the current alerts by fingerprint.
        errors: by name of a rule that failed, why: an alert of its own, until the rule works again.
        care_of: how people look after a critical alert.
    """
    by_name, failed = {rule.name: rule for rule in rules}, errors or {}
    steps = [*_steps(by_name, seen, alerts, now, care_of), *_error_steps(by_name, failed, alerts, now, care_of)]
    steps += [(before, resolve(before, now), f"the rule {before.rule} no longer exists") for before in _orphans(by_name, alerts)]
    changed = [(before, step, said) for before, step, said in steps if _is_kept(before, step)]
    at = now.isoformat()
    transitions = [_transition(before, step, said, now, at) for before, step, said in changed if _has_news(before, step)]
    return [step.alert for _, step, _ in changed], transitions


def _steps(
    rules: Mapping[str, Rule],
    seen: Mapping[str, Sequence[Observation]],
    alerts: Mapping[str, Alert],
    now: datetime,
    care_of: CareOf,
) -> Iterator[tuple[Alert, Step, str]]:
    known = _by_rule(alerts)
    silent: dict[tuple[str, str], list[Alert]] = {}
    for rule in sorted(rules.values(), key=_is_presence, reverse=True):
        of_rule = known.get(rule.name, {})
        if rule.name not in seen:
            _note_silent(silent, rule, of_rule.values())
            yield from ((before, Step(pause(before, now)), "") for before in of_rule.values() if before.state == "pending")
            continue
        cases = cases_of(rule, now)
        for before, observation in _pairs(rule, seen[rule.name], of_rule):
            applied = rule if observation is None else observation.under or rule
            if is_off(applied) or (observation is None and cases and is_turned_off(before, cases)):
                yield before, resolve(before, now), f"an exception turns {rule.name} off for {about(before)}"
                continue
            whose = None if observation else speaks_for(before, silent)
            step = advance(applied, before, observation, now, care_of) if whose is None else _with_silent(rule, before, whose, now)
            if before.state in ACTIVE or step.alert.state in ACTIVE:
                _note_silent(silent, rule, [step.alert])
            detail = observation.detail if observation else ""
            yield before, step, explain(applied, before, step.alert, detail) if _has_news(before, step) else ""


def _is_presence(rule: Rule) -> bool:
    """Whether it tells that its subject is silent: while it does, the rules that it inhibits see nothing, and that is no end."""
    return rule.gone_after is not None and rule.no_data_for is None


def _note_silent(silent: dict[tuple[str, str], list[Alert]], rule: Rule, alerts: Iterable[Alert]) -> None:
    """Enter who is silent, or left just now, under each rule that has nothing to see there."""
    if not _is_presence(rule):
        return
    for alert in alerts:
        if alert.state in ACTIVE or alert.state == "gone":
            for name in rule.inhibits:
                silent.setdefault((name, alert.subject), []).append(alert)


def _with_silent(rule: Rule, alert: Alert, silent: Alert, now: datetime) -> Step:
    return leave(alert, now) if silent.state == "gone" else hold(rule, alert, now)


def _by_rule(alerts: Mapping[str, Alert]) -> dict[str, dict[str, Alert]]:
    """The alerts of each rule by fingerprint, without those that tell of its errors."""
    found: dict[str, dict[str, Alert]] = {}
    for key, alert in alerts.items():
        if alert.labels != IN_ERROR:
            found.setdefault(alert.rule, {})[key] = alert
    return found


def _pairs(rule: Rule, observations: Sequence[Observation], of_rule: Mapping[str, Alert]) -> list[tuple[Alert, Observation | None]]:
    best_first = sorted(observations, key=lambda seen: badness(seen.under or rule, seen.value))
    # Of two values for one subject the worse one counts: it comes last.
    by_fingerprint = {fingerprint(rule.name, seen.subject, seen.labels): seen for seen in best_first}
    unseen = [(alert, None) for key, alert in of_rule.items() if key not in by_fingerprint]
    fresh = [
        (_with_labels(of_rule.get(key), seen) or Alert(key, rule.name, seen.subject, seen.all_labels, seen.is_sample), seen)
        for key, seen in by_fingerprint.items()
    ]
    return [*fresh, *unseen]


def _with_labels(alert: Alert | None, seen: Observation) -> Alert | None:
    """The alert as it stands, with the team as it is known now."""
    return alert if alert is None or alert.labels == seen.all_labels else replace(alert, labels=seen.all_labels)


def _error_steps(
    rules: Mapping[str, Rule], errors: Mapping[str, str], alerts: Mapping[str, Alert], now: datetime, care_of: CareOf
) -> Iterator[tuple[Alert, Step, str]]:
    of_rule = {alert.rule: alert for alert in alerts.values() if alert.labels == IN_ERROR}
    for name in dict.fromkeys([*errors, *of_rule]):
        is_critical = name not in rules or rules[name].critical is not None
        watch = Rule(name, "", critical=1.0) if is_critical else Rule(name, "", warning=1.0)
        before = of_rule.get(name) or Alert(fingerprint(name, name, IN_ERROR), name, name, IN_ERROR, is_sample=False)
        step = _as_error(advance(watch, _as_firing(before), Observation(name, float(name in errors), IN_ERROR), now, care_of))
        yield before, step, errors.get(name, f"{name} works again")


def _as_firing(alert: Alert) -> Alert:
    return replace(alert, state="firing") if alert.state == "error" else alert


def _as_error(step: Step) -> Step:
    if step.alert.state != "firing":
        return step
    told = tuple("error" if event == "firing" else event for event in step.alert.told)
    event = "error" if step.event == "firing" else step.event
    return replace(step, event=event, alert=replace(step.alert, state="error", told=told))


def retire(before: Alert, by: str, why: str, now: datetime) -> Transition:
    """The end of an alert whose subject somebody retired."""
    step = leave_now(before, now)
    return _transition(before, step, f"{about(before)} was retired by {by}: {why}", now, now.isoformat())


def _orphans(rules: Mapping[str, Rule], alerts: Mapping[str, Alert]) -> list[Alert]:
    return [
        alert
        for alert in alerts.values()
        if alert.rule not in rules and alert.labels != IN_ERROR and (alert.state in ACTIVE or alert.state == "pending")
    ]


def _is_kept(before: Alert, step: Step) -> bool:
    """An alert that was over and is over is as it was."""
    return step.alert.state not in OVER or before.state not in OVER


def _has_news(before: Alert, step: Step) -> bool:
    """A change of state or severity; or that what waited is told."""
    return step.event is not None or (step.alert.state, step.alert.severity) != (before.state, before.severity)


def _transition(before: Alert, step: Step, reason: str, now: datetime, at: str) -> Transition:
    """`at`: now, written once for all."""
    after = step.alert
    parts = (after.fingerprint, str(after.episode), before.state, after.state, str(after.severity), at, str(step.event))
    identity = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
    said = reason + (unanswered(after, now) if step.event in ("reminder", "unacknowledged") else "")
    return Transition(identity, before, after, step.event, step.is_damped, said, now)
