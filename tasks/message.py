"""What a notification says: put into words once, when its transition happens, and kept as JSON in alerts.notifications.message.

Alerts write it and notifications read it; here is the shape in which they meet.
"""

import json
import math
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

AS_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
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
        links: URLs by what they lead to: `alert`, `ack`, `silence`, `plot`, `alerts`; put in as it is sent.
        picture: file of a plot that belongs to it, for channels that take one; put in as it is sent, too.
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
    links: dict[str, str] = field(default_factory=dict)
    picture: str = ""


@lru_cache(maxsize=1000)
def written_instant(instant: datetime) -> str:
    """As ISO 8601; of the messages of one evaluation many have the same."""
    return instant.isoformat()


def to_json(message: Message) -> str:
    """As JSON, which has no infinite numbers: those are texts."""
    document = vars(message)
    numbers = {key: _written(document[key]) for key in ("value", "threshold")}
    instants = {key: written_instant(document[key]) for key in ("since", "at")}
    members = {"members": [vars(member) for member in message.members]}
    return AS_JSON.encode(document | numbers | instants | members)


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
