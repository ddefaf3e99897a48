"""Rows of an outbox by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.message import Message, to_json
from tasks.notifications.dispatch import Notification

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def at() -> Callable[[float], datetime]:
    return lambda minutes: NOON + timedelta(minutes=minutes)


def a_message(subject: str = "h1", event: str = "firing", severity: str = "warning", *, rule: str = "disk") -> Message:
    return Message(
        fingerprint=f"{rule}-{subject}",
        episode=1,
        event=event,
        severity=severity,
        rule=rule,
        subject=subject,
        labels={},
        value=0.97,
        threshold=0.95,
        since=NOON,
        at=NOON,
        title=f"[{severity.upper()}] {rule}: {subject}",
        statement=f"{subject} is 97.0% full, {severity} from 95.0%",
        runbook="docs/runbooks/disk.md",
        query="SELECT 1",
        is_sample=False,
    )


def a_row(
    subject: str = "h1", event: str = "firing", *, minute: float = 0, severity: str = "warning", **fields: Any
) -> Notification:
    """A row that was queued `minute` minutes after noon."""
    queued_at = NOON + timedelta(minutes=minute)
    plain: dict[str, Any] = {
        "notification_id": f"{subject}-{event}",
        "transition_id": f"t-{subject}-{event}",
        "fingerprint": f"disk-{subject}",
        "episode": 1,
        "event": event,
        "channel": "ops",
        "status": "queued",
        "reason_code": None,
        "reason": None,
        "attempts": 0,
        "next_attempt_at": None,
        "sent_at": None,
        "updated_at": queued_at,
        "severity": severity,
        "message": to_json(a_message(subject, event, severity)),
        "digest": None,
        "queued_at": queued_at,
        "is_maybe_received": False,
    }
    return Notification(**(plain | fields))
