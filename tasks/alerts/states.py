"""The state machine of one alert, pure: (rule, what the rule saw, the alert as it stands, now) -> the alert as it shall stand.

inactive -> pending -> firing -> recovering -> resolved, and no_data. Severity is not identity, so a rise is an escalation within
the episode.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from tasks.alerts.rules import Rule

ACTIVE = ("firing", "recovering", "no_data")


@dataclass(frozen=True)
class Observation:
    """What a rule's SELECT yielded for one subject; `detail` goes into the sentence, and is no part of the identity."""

    subject: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()
    is_sample: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Alert:
    """One alert's state; a row of alerts.alerts."""

    fingerprint: str
    rule: str
    subject: str
    labels: tuple[tuple[str, str], ...]
    is_sample: bool
    state: str = "inactive"
    severity: str | None = None
    value: float | None = None
    threshold: float | None = None
    episode: int = 0
    pending_since: datetime | None = None
    firing_since: datetime | None = None
    clear_since: datetime | None = None
    last_seen_at: datetime | None = None
    resolved_at: datetime | None = None


def severity_of(rule: Rule, value: float) -> str | None:
    """The worst threshold that `value` has reached, or None."""
    for severity, threshold in (("critical", rule.critical), ("warning", rule.warning)):
        if threshold is not None and _beyond(rule, value, threshold):
            return severity
    return None


def _beyond(rule: Rule, value: float, threshold: float) -> bool:
    return value >= threshold if rule.direction == "above" else value <= threshold


def _holds(rule: Rule, alert: Alert, value: float) -> bool:
    """Whether an active alert goes on: beyond a threshold, or not yet back over the clear threshold."""
    if severity_of(rule, value):
        return True
    return rule.clear is not None and alert.state in ACTIVE and _beyond(rule, value, rule.clear) and value != rule.clear


def advance(rule: Rule, alert: Alert, seen: Observation | None, now: datetime) -> Alert:
    """The alert after an evaluation at `now` in which the rule yielded `seen` for it (None: nothing)."""
    if seen is None:
        return _without_data(rule, alert, now)
    alert = replace(alert, value=seen.value, last_seen_at=now, is_sample=seen.is_sample)
    if _holds(rule, alert, seen.value):
        return _with_condition(rule, alert, seen.value, now)
    return _without_condition(rule, alert, now)


def _with_condition(rule: Rule, alert: Alert, value: float, now: datetime) -> Alert:
    severity = severity_of(rule, value) or alert.severity
    threshold = rule.critical if severity == "critical" else rule.warning
    alert = replace(alert, severity=severity, threshold=threshold, clear_since=None)
    if alert.state in ACTIVE:
        return replace(alert, state="firing")
    since = alert.pending_since if alert.state == "pending" and alert.pending_since else now
    if now - since < rule.pending_for:
        return replace(alert, state="pending", pending_since=since)
    return replace(alert, state="firing", pending_since=since, firing_since=now, episode=alert.episode + 1, resolved_at=None)


def _without_condition(rule: Rule, alert: Alert, now: datetime) -> Alert:
    if alert.state == "pending":
        return replace(alert, state="inactive", pending_since=None)
    if alert.state not in ACTIVE:
        return alert
    since = alert.clear_since or now
    if now - since < rule.keep_firing_for:
        return replace(alert, state="recovering", clear_since=since)
    return replace(alert, state="resolved", clear_since=None, pending_since=None, resolved_at=now)


def _without_data(rule: Rule, alert: Alert, now: datetime) -> Alert:
    if rule.no_data_for is None:
        return _without_condition(rule, replace(alert, value=None), now)
    is_overdue = alert.last_seen_at is not None and now - alert.last_seen_at >= rule.no_data_for
    return replace(alert, state="no_data", value=None, clear_since=None) if is_overdue and alert.state in ACTIVE else alert
