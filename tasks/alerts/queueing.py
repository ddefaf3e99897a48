"""What an evaluation puts into the outbox, pure: a row for each channel that wants the severity, put into words once."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from tasks.alerts.evaluation import Transition
from tasks.alerts.rule import Rule, evidence_query
from tasks.alerts.sentences import about
from tasks.alerts.states import Alert
from tasks.message import ENDS, Message, runbook_link, to_json
from tasks.routes import Recipients, escalating, recipients_of, repeated, routed_labels


def outbox_rows(
    transition: Transition,
    rules: Mapping[str, Rule],
    channels: Mapping[str, str],
    runbooks: str = "",
    real_only: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The rows of alerts.notifications for a transition that is to be told.

    Args:
        channels: by name the severity from which on it is told; `Recipients` have routes, too.
        runbooks: what is put before a runbook that is a path.
        real_only: channels that are not told of the sample's alerts.
    """
    after, at = transition.after, transition.transitioned_at
    message = to_json(message_of(transition, rules.get(after.rule), runbooks))
    to = _recipients(transition.event or "", after, channels, real_only if after.is_sample else ())
    damped = _damped(transition) if transition.is_damped else None
    row = {
        "transition_id": transition.transition_id,
        "fingerprint": after.fingerprint,
        "episode": after.episode,
        "event": transition.event,
        "status": "suppressed" if damped else "queued",
        "reason_code": "damped" if damped else None,
        "reason": damped,
        "attempts": 0,
        "next_attempt_at": None,
        "sent_at": None,
        "updated_at": at,
        "severity": after.severity,
        "message": message,
        "digest": None,
        "queued_at": at,
        "is_maybe_received": False,
    }
    return [
        {**row, "notification_id": notification_id(transition.transition_id, channel), "channel": channel, "routes": list(routes)}
        for channel, routes in to.items()
    ]


def _recipients(event: str, after: Alert, channels: Mapping[str, str], unwanted: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The channels, each with the routes that lead there. Those that are told for want of an answer hear that and the end."""
    severity = after.severity or "warning"
    labels = routed_labels(after.rule, after.subject, severity, after.labels, is_sample=after.is_sample)
    others: dict[str, tuple[str, ...]] = {}
    if event == "unacknowledged" or (event in ENDS and "unacknowledged" in after.told):
        route = escalating(channels, labels, unwanted)
        others = {name: () for name in (route.escalate_to if route else ()) if name in channels and name not in unwanted}
    if event == "unacknowledged":
        return others
    to = recipients_of(event, severity, after.worst_severity or severity, labels, channels, unwanted)
    if event == "reminder" and isinstance(channels, Recipients):
        return {name: routes for name, routes in to.items() if repeated(channels, routes)}
    return {**others, **to}


def _damped(transition: Transition) -> str:
    after = transition.after
    if after.waits == transition.event:
        return f"damped: {len(after.recent_notices)} notifications in 24 h, told when one is a day old, if it still holds"
    return f"damped: flapping, fired {len(after.recent_firings)} times in 24 h"


def notification_id(transition_id: str, channel: str) -> str:
    """The same whoever works it out, and however often."""
    return hashlib.sha256(f"{transition_id}\x1f{channel}".encode()).hexdigest()[:16]


def message_of(transition: Transition, rule: Rule | None, runbooks: str) -> Message:
    """What a notification says."""
    after, event = transition.after, transition.event or ""
    badge = (after.severity or "warning") if event in ("firing", "escalated") else event.replace("_", " ")
    return Message(
        fingerprint=after.fingerprint,
        episode=after.episode,
        event=event,
        severity=after.severity or "warning",
        rule=after.rule,
        subject=after.subject,
        labels=dict(after.labels),
        value=after.value,
        threshold=after.threshold,
        since=after.firing_since or transition.transitioned_at,
        at=transition.transitioned_at,
        title=f"[{badge.upper()}] {'sample: ' if after.is_sample else ''}{after.rule}: {about(after)}",
        statement=transition.reason,
        runbook=runbook_link(rule.runbook, runbooks) if rule else "",
        query=evidence_query(rule, after.subject, transition.transitioned_at) if rule else "",
        is_sample=after.is_sample,
    )
