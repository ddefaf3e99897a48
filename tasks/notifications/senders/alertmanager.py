"""Alertmanager, API v2: an alert is one there for as long as it fires here, and ends there when it ends here.

An alert there ends by itself at its `endsAt`. So each post says an hour from now, and each delivery posts anew what goes on
(`renew`). There the severity is one of the labels that tell alerts apart: an alert that changes it ends as what it was.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.printable import printable, printable_json
from tasks.message import ENDS, Message
from tasks.notifications.channels import Channel
from tasks.notifications.exchange import exchange
from tasks.notifications.outcomes import DELIVERED, Outcome

LEASE = timedelta(hours=1)
SEVERITIES = ("critical", "warning")
CHANGES = ("escalated", "eased")
NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_]")
MOST_AT_ONCE = 500
JSON = {"Content-Type": "application/json"}


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:  # noqa: ARG001 - a Sender
    """Post what the alert has become, and the end of what it was."""
    return _post(channel, [_alert(message, severity, now) for severity in _severities(message)], now)


def renew(channel: Channel, messages: Sequence[Message], now: datetime) -> Outcome:
    """Post anew what goes on: of each alert the message that it was told by last."""
    for start in range(0, len(messages), MOST_AT_ONCE):
        batch = messages[start : start + MOST_AT_ONCE]
        outcome = _post(channel, [_alert(message, message.severity, now) for message in batch], now)
        if not outcome.is_delivered:
            return outcome
    return DELIVERED


def _post(channel: Channel, alerts: list[dict[str, Any]], now: datetime) -> Outcome:
    url = channel.url.get_secret_value()
    body = printable_json(json.dumps(alerts, allow_nan=False)).encode()
    return exchange("POST", f"{url.rstrip('/')}/api/v2/alerts", JSON, body, secrets=(url,), now=now)


def _severities(message: Message) -> tuple[str, ...]:
    """As which it is posted: where it changed or ended, as both."""
    return SEVERITIES if message.event in (*CHANGES, *ENDS) else (message.severity,)


def _alert(message: Message, severity: str, now: datetime) -> dict[str, Any]:
    """The alert with this severity: it goes on if that is what it has, else it has ended."""
    goes_on = message.event not in ENDS and severity == message.severity
    annotations = {"summary": message.statement, "title": message.title, "runbook_url": message.runbook, "query": message.query}
    alert = {
        "labels": _labels(message) | {"severity": severity},
        "annotations": {name: text for name, text in annotations.items() if text},
        "startsAt": _instant(message.since),
        "endsAt": _instant(now + LEASE if goes_on else max(message.at, message.since)),
    }
    return alert | ({"generatorURL": message.links["alert"]} if "alert" in message.links else {})


def _labels(message: Message) -> dict[str, str]:
    """Its labels with names as Prometheus has them; an empty label is none there."""
    given = {_name(label): text for label, text in sorted(message.labels.items())}
    own = {"alertname": message.rule, "subject": message.subject, "origin": "govpulse"}
    own |= {"is_sample": "true"} if message.is_sample else {}
    return {name: printable(text) for name, text in (given | own).items() if text}


def _name(label: str) -> str:
    name = NOT_IN_A_NAME.sub("_", label)
    return name if re.match(r"[a-zA-Z_]", name) else f"_{name}"


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
