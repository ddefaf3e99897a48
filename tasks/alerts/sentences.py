"""What is said of a transition: one sentence with the numbers."""

from collections.abc import Sequence
from datetime import datetime

from storage.fingerprints import fingerprint
from tasks.alerts.rule import Rule
from tasks.alerts.states import Alert
from tasks.wording import duration, size

MOST_NAMED = 5
"""Of the members of a group."""


def explain(rule: Rule, before: Alert, after: Alert, detail: str = "") -> str:
    """Why `before` became `after`, with value and threshold."""
    subject = about(after)
    if after.state == "no_data":
        return f"no value for {subject} since {after.last_seen_at:%Y-%m-%d %H:%M} UTC"
    if after.state == "gone":
        return f"{subject} has left for good: {_unseen(rule, after)}"
    if after.state == "resolved" and after.value is None:
        return f"{rule.name} no longer reports {subject}"
    value = format_value(after.value if after.value is not None else before.value, rule.unit)
    worst = after.members[0] if after.members else subject
    sentence = rule.message.format(subject=worst, value=value, detail=detail)
    sentence = sentence if rule.message else f"{rule.name} of {worst} is {value}"
    again = f", fired {len(after.recent_firings)} times in 24 h" if after.is_flapping and after.state == "firing" else ""
    note = " (sample data)" if after.is_sample else ""
    return f"{sentence}{_threshold(rule, after)}{_others(after)}{again}{note}"


def _unseen(rule: Rule, alert: Alert) -> str:
    if rule.no_data_for is None or alert.last_seen_at is None:
        return f"{rule.name} no longer reports it"
    return f"no value since {alert.last_seen_at:%Y-%m-%d %H:%M} UTC"


def unanswered(alert: Alert, now: datetime) -> str:
    """What a reminder adds: since when it has been firing, and that nobody took it on."""
    since = alert.firing_since or now
    lasts = duration((now - since).total_seconds())
    return f"; firing for {lasts}, since {since:%Y-%m-%d %H:%M} UTC, and nobody has acknowledged it"


def about(alert: Alert) -> str:
    """What the alert is about: its subject and what else tells it apart."""
    return named(alert.fingerprint, alert.rule, alert.subject, alert.labels)


def named(key: str, rule: str, subject: str, labels: Sequence[tuple[str, str]]) -> str:
    """A subject with what else tells it apart."""
    if not labels:
        return subject
    texts = (text for _, text in identifying(key, rule, subject, labels))
    return ", ".join([subject, *(text for text in texts if text and text != subject)])


def identifying(key: str, rule: str, subject: str, labels: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The labels that tell the alert `key` apart: not the team, unless its rule yields one."""
    if any(name == "team" for name, _ in labels) and fingerprint(rule, subject, labels) != key:
        return [(name, text) for name, text in labels if name != "team"]
    return list(labels)


def _others(alert: Alert) -> str:
    """How many of a group it is about, and the first of them."""
    if alert.member_count < 2:
        return ""
    named = ", ".join(alert.members[:MOST_NAMED])
    left = alert.member_count - len(alert.members[:MOST_NAMED])
    return f"; {alert.member_count:,} in all: {named}{f' and {left:,} more' if left else ''}"


def _threshold(rule: Rule, alert: Alert) -> str:
    """A sentence without the value stands for itself: that of a finding says more than a number."""
    if rule.message and "{value}" not in rule.message:
        return ""
    side = "or more" if rule.direction == "above" else "or less"
    return f", {alert.severity} at {format_value(alert.threshold, rule.unit)} {side}"


def format_value(value: float | None, unit: str) -> str:
    """A value for people: a ratio as percent, of which only all are 100, seconds as a duration."""
    if value is None:
        return "unknown"
    if unit == "%":
        return "over 99.9%" if 0.9995 <= value < 1 else f"{value:.1%}"
    if unit == "s":
        return duration(value)
    if unit == "B":
        return size(value)
    return f"{value:,.6g}{' ' + unit if unit else ''}"
