"""One evaluation, pure: rules, what they saw, and the alerts as they stand -> the alerts as they shall stand, the transitions
between the two, and the outbox rows that tell of them."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tasks.alerts.rules import Rule
from tasks.alerts.states import ACTIVE, Alert, Observation, advance

SEVERITIES = ("warning", "critical")


@dataclass(frozen=True)
class Transition:
    """A change of state or severity; a row of alerts.transitions."""

    transition_id: str
    before: Alert
    after: Alert
    event: str | None
    reason: str
    transitioned_at: datetime


@dataclass(frozen=True)
class Channel:
    """Where notifications go, from which severity on."""

    name: str
    min_severity: str = "warning"


def fingerprint(rule: str, subject: str, labels: Sequence[tuple[str, str]]) -> str:
    """Identity of an alert: rule and identity labels."""
    identity = "\x1f".join([rule, subject, *(f"{key}={value}" for key, value in sorted(labels))])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def evaluate(
    rules: Iterable[Rule], seen: Mapping[str, Sequence[Observation]], alerts: Mapping[str, Alert], now: datetime
) -> tuple[list[Alert], list[Transition]]:
    """Advance every alert of the rules in `seen`; a rule that is absent from it could not be evaluated and keeps its alerts.

    An alert whose rule is not among `rules` any more is resolved: nothing will ever evaluate it again.

    Args:
        alerts: the current alerts by fingerprint.
    """
    by_name = {rule.name: rule for rule in rules}
    after: list[Alert] = []
    transitions: list[Transition] = []
    for rule in (rule for rule in by_name.values() if rule.name in seen):
        for before, observation in _pairs(rule, seen[rule.name], alerts):
            alert = advance(rule, before, observation, now)
            if alert.state == "inactive" and before.state == "inactive":
                continue
            after.append(alert)
            if (alert.state, alert.severity) != (before.state, before.severity):
                detail = observation.detail if observation else ""
                transitions.append(_transition(before, alert, explain(rule, before, alert, detail), now))
    for before in (alert for alert in alerts.values() if alert.rule not in by_name and alert.state in ACTIVE):
        after.append(replace(before, state="resolved", clear_since=None, pending_since=None, resolved_at=now))
        transitions.append(_transition(before, after[-1], f"the rule {before.rule} is gone", now))
    return after, transitions


def _pairs(rule: Rule, observations: Sequence[Observation], alerts: Mapping[str, Alert]) -> list[tuple[Alert, Observation | None]]:
    best_first = sorted(observations, key=lambda seen: seen.value, reverse=rule.direction == "below")
    # Of two values for one subject the worse one counts: it comes last.
    by_fingerprint = {fingerprint(rule.name, seen.subject, seen.labels): seen for seen in best_first}
    known = [alert for alert in alerts.values() if alert.rule == rule.name]
    unseen = [(alert, None) for alert in known if alert.fingerprint not in by_fingerprint]
    fresh = [
        (alerts.get(key) or Alert(key, rule.name, seen.subject, seen.labels, seen.is_sample), seen)
        for key, seen in by_fingerprint.items()
    ]
    return [*fresh, *unseen]


def _transition(before: Alert, after: Alert, reason: str, now: datetime) -> Transition:
    parts = (after.fingerprint, str(after.episode), before.state, after.state, str(after.severity), now.isoformat())
    identity = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
    return Transition(identity, before, after, event_of(before, after), reason, now)


def event_of(before: Alert, after: Alert) -> str | None:
    """What to tell people of a transition; None where there is nothing to tell."""
    if after.state == "firing" and after.episode > before.episode:
        return "firing"
    if after.state == "firing" and (before.severity, after.severity) == SEVERITIES:
        return "escalated"
    if after.state in ("resolved", "no_data") and before.state in ACTIVE:
        return after.state
    return None


def explain(rule: Rule, before: Alert, after: Alert, detail: str = "") -> str:
    """One sentence with the numbers."""
    value = after.value if after.value is not None else before.value
    said = format_value(value, rule.unit)
    subject = ", ".join([after.subject, *(text for _, text in after.labels)])
    sentence = (
        rule.message.format(subject=subject, value=said, detail=detail) if rule.message else f"{rule.name} of {subject} is {said}"
    )
    if after.state == "no_data":
        return f"no value for {subject} since {after.last_seen_at:%Y-%m-%d %H:%M} UTC"
    if after.state == "resolved" and after.value is None:
        return f"{rule.name} no longer reports {subject}"
    threshold = format_value(after.threshold, rule.unit)
    side = "from" if rule.direction == "above" else "down from"
    return f"{sentence}, {after.severity} {side} {threshold}" + (" (sample data)" if after.is_sample else "")


def format_value(value: float | None, unit: str) -> str:
    """A value for people: a ratio as percent, of which only all are 100, seconds as a duration."""
    if value is None:
        return "unknown"
    if unit == "%":
        return "over 99.9%" if 0.9995 <= value < 1 else f"{value:.1%}"
    if unit == "s":
        return format_duration(value)
    return f"{value:,.6g}{' ' + unit if unit else ''}"


def format_duration(seconds: float) -> str:
    """A duration in its two largest units: `12 d 3 h`, `24 h`, `45 s`."""
    left = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part) or "0 s"


def is_wanted(channel: Channel, alert: Alert) -> bool:
    """Whether `channel` is told of an alert of this severity."""
    return SEVERITIES.index(alert.severity or "warning") >= SEVERITIES.index(channel.min_severity)
