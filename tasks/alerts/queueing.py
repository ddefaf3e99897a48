"""What an evaluation puts into the outbox, pure: a row for each channel that wants the severity, put into words once."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from tasks.alerts.evaluation import SEVERITIES, Transition
from tasks.alerts.rule import Rule, evidence_query
from tasks.alerts.sentences import about
from tasks.message import ENDS, Message, runbook_link, to_json

FOR_THOSE_WHO_HEARD = ("eased", "no_data", *ENDS)
"""Events that go wherever the worst of the episode went."""


def outbox_rows(
    transition: Transition,
    rules: Mapping[str, Rule],
    channels: Mapping[str, str],
    runbooks: str = "",
    real_only: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The rows of alerts.notifications for a transition that is to be told.

    Args:
        channels: by name the severity from which on it is told.
        runbooks: what is put before a runbook that is a path.
        real_only: channels that are not told of the sample's alerts.
    """
    after, at = transition.after, transition.transitioned_at
    message = to_json(message_of(transition, rules.get(after.rule), runbooks))
    damped = _damped(transition) if transition.is_damped else None
    return [
        {
            "notification_id": notification_id(transition.transition_id, channel),
            "transition_id": transition.transition_id,
            "fingerprint": after.fingerprint,
            "episode": after.episode,
            "event": transition.event,
            "channel": channel,
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
        for channel, least in channels.items()
        if is_wanted(least, transition) and not (after.is_sample and channel in real_only)
    ]


def _damped(transition: Transition) -> str:
    after = transition.after
    if after.waits == transition.event:
        return f"damped: {len(after.recent_notices)} notifications in 24 h, told when one is a day old, if it still holds"
    return f"damped: flapping, fired {len(after.recent_firings)} times in 24 h"


def notification_id(transition_id: str, channel: str) -> str:
    """The same whoever works it out, and however often."""
    return hashlib.sha256(f"{transition_id}\x1f{channel}".encode()).hexdigest()[:16]


def is_wanted(least: str, transition: Transition) -> bool:
    """Whether a channel told from severity `least` on is told of this. Who heard of a critical alert also hears of its fall and its
    end, though it was a warning by then."""
    alert = transition.after
    severity = alert.worst_severity if transition.event in FOR_THOSE_WHO_HEARD else alert.severity
    return SEVERITIES.index(severity or "warning") >= SEVERITIES.index(least)


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
