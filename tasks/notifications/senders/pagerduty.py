"""PagerDuty, Events API v2: an alert is one incident there, by its dedup_key."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from storage.printable import printable, printable_json
from tasks.message import ENDS, Message
from tasks.notifications.channels import Channel
from tasks.notifications.exchange import exchange
from tasks.notifications.outcomes import Outcome
from tasks.notifications.rendering import MEMBERS_SHOWN, one_line
from tasks.notifications.senders.webhook import finite

EVENTS = "https://events.pagerduty.com/v2/enqueue"
LONGEST_SUMMARY = 1024
LONGEST_KEY = 255


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:  # noqa: ARG001 - a Sender
    """Trigger or resolve the alert's incident."""
    url, routing_key = channel.url.get_secret_value() or EVENTS, channel.secret.get_secret_value()
    body = printable_json(json.dumps(payload(message, routing_key), allow_nan=False)).encode()
    return exchange("POST", url, {"Content-Type": "application/json"}, body, secrets=(url, routing_key), now=now)


def payload(message: Message, routing_key: str) -> dict[str, Any]:
    """The event. All but an end trigger: to an open incident PagerDuty adds them, by the key."""
    event = {"routing_key": routing_key, "dedup_key": message.fingerprint[:LONGEST_KEY]}
    if message.event in ENDS:
        return event | {"event_action": "resolve"}
    named = (("Runbook", message.runbook), ("Alert", message.links.get("alert", "")), ("Alerts", message.links.get("alerts", "")))
    links = [{"href": url, "text": words} for words, url in named if url.startswith(("http://", "https://"))]
    return event | {"event_action": "trigger", "client": "govpulse", "links": links, "payload": _described(message)}


def _described(message: Message) -> dict[str, Any]:
    labels = ", ".join(f"{key}={value}" for key, value in sorted(message.labels.items()))
    described = {
        "summary": one_line(message.statement or message.title, LONGEST_SUMMARY),
        "source": printable(message.subject) or "govpulse",
        "severity": message.severity,
        "timestamp": message.at.isoformat(),
        "component": labels,
        "group": "sample data" if message.is_sample else "",
        "class": message.rule,
    }
    return {name: text for name, text in described.items() if text} | {"custom_details": _details(message)}


def _details(message: Message) -> dict[str, Any]:
    details = {
        "title": message.title,
        "event": message.event,
        "value": finite(message.value),
        "threshold": finite(message.threshold),
        "since": message.since.isoformat(),
        "runbook": message.runbook,
        "query": message.query,
        "members": [asdict(member) for member in message.members[:MEMBERS_SHOWN]],
        "members_in_all": len(message.members),
    }
    return {name: detail for name, detail in details.items() if detail not in (None, "", [], 0) or name == "value"}
