"""The webhook: JSON as docs/webhook-v1.schema.json describes it, signed as the Standard Webhooks specification says."""

import json
import math
from dataclasses import asdict
from datetime import datetime
from typing import Any

from storage.printable import printable_json
from tasks.message import Message
from tasks.notifications.channels import Channel
from tasks.notifications.exchange import exchange
from tasks.notifications.outcomes import Outcome
from tasks.notifications.signing import sign

VERSION = 1


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:
    """Post the message; signed where the channel has a secret."""
    url, secret = channel.url.get_secret_value(), channel.secret.get_secret_value()
    body = printable_json(json.dumps(payload(message, notification_id), allow_nan=False)).encode()
    timestamp = str(int(now.timestamp()))
    headers = {"Content-Type": "application/json", "webhook-id": notification_id, "webhook-timestamp": timestamp}
    if secret:
        try:
            headers["webhook-signature"] = sign(secret, notification_id, timestamp, body)
        except ValueError as error:
            return Outcome(is_delivered=False, problem=str(error))
    return exchange("POST", url, headers, body, secrets=(url, secret), now=now)


def payload(message: Message, notification_id: str) -> dict[str, Any]:
    """What is posted. JSON has no infinite numbers; such a value is null."""
    document = asdict(message)
    del document["picture"]  # a file here is none there
    numbers = {key: finite(document[key]) for key in ("value", "threshold")}
    instants = {key: document[key].isoformat() for key in ("since", "at")}
    return {"version": VERSION, "notification_id": notification_id} | document | numbers | instants


def finite(value: float | None) -> float | None:
    """The number, or None where JSON has none for it."""
    return value if value is not None and math.isfinite(value) else None
