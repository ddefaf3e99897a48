"""What is said of a transition: one sentence with the numbers."""

from datetime import datetime

from tasks.alerts.rule import Rule
from tasks.alerts.states import Alert
from tasks.wording import duration


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
    sentence = rule.message.format(subject=subject, value=value, detail=detail)
    sentence = sentence if rule.message else f"{rule.name} of {subject} is {value}"
    again = f", fired {len(after.recent_firings)} times in 24 h" if after.is_flapping and after.state == "firing" else ""
    note = " (sample data)" if after.is_sample else ""
    return f"{sentence}{_threshold(rule, after)}{again}{note}"


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
    return ", ".join([alert.subject, *(text for _, text in alert.labels if text)])


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
    return f"{value:,.6g}{' ' + unit if unit else ''}"
