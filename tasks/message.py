"""What a notification says: put into words once, when its transition happens, and kept as JSON in alerts.notifications.message.

Alerts write it and notifications read it; here is the shape in which they meet.
"""

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ENDS = ("resolved", "gone")
"""Events that end an episode."""


@dataclass(frozen=True)
class Member:
    """One alert of a digest."""

    fingerprint: str
    rule: str
    subject: str
    severity: str
    statement: str


@dataclass(frozen=True)
class Message:
    """One notification, as any channel may render it.

    Args:
        fingerprint: the alert's; of a digest its own identity.
        event: `firing`, `escalated`, `eased`, `flapping`, `no_data`, `error`, `reminder`, `unacknowledged`, `resolved`, `gone` or
            `digest`.
        since: since when the alert has been firing.
        at: when it happened.
        title: such as `[CRITICAL] disk_almost_full: web-1`.
        statement: one sentence with value and threshold.
        runbook: a link, or a path in the docs.
        query: SQL that shows the evidence; empty if there is none.
        members: of a digest, the alerts that it tells of.
    """

    fingerprint: str
    episode: int
    event: str
    severity: str
    rule: str
    subject: str
    labels: dict[str, str]
    value: float | None
    threshold: float | None
    since: datetime
    at: datetime
    title: str
    statement: str
    runbook: str
    query: str
    is_sample: bool
    members: tuple[Member, ...] = ()


def to_json(message: Message) -> str:
    """As JSON, which has no infinite numbers: those are texts."""
    document = vars(message)
    numbers = {key: _written(document[key]) for key in ("value", "threshold")}
    instants = {key: document[key].isoformat() for key in ("since", "at")}
    members = {"members": [vars(member) for member in message.members]}
    return json.dumps(document | numbers | instants | members, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Message:
    """The message that `to_json` wrote."""
    document: dict[str, Any] = json.loads(text)
    numbers = {key: None if document[key] is None else float(document[key]) for key in ("value", "threshold")}
    instants = {key: datetime.fromisoformat(document[key]) for key in ("since", "at")}
    members = tuple(Member(**member) for member in document["members"])
    return Message(**document | numbers | instants | {"members": members})


def _written(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)


def runbook_link(runbook: str, base_url: str) -> str:
    """Where a runbook is to be read: a path in the docs is put behind `base_url`, if there is one; a link stays as it is."""
    if not runbook or not base_url or "://" in runbook:
        return runbook
    return f"{base_url.rstrip('/')}/{runbook.lstrip('/')}"
