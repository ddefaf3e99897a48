"""Sends a message on a channel, by the channel's kind."""

from collections.abc import Callable
from datetime import datetime

from tasks.messages import Message
from tasks.notifications.channels import Channel, Kind
from tasks.notifications.outcomes import Outcome
from tasks.notifications.senders import apprise, console, pagerduty, webhook

Sender = Callable[[Channel, Message, str, datetime], Outcome]
SENDERS: dict[Kind, Sender] = {
    "console": console.send,
    "webhook": webhook.send,
    "pagerduty": pagerduty.send,
    "apprise": apprise.send,
}


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:
    """Send a message once. Raises nothing for what a receiver or the network does: the outcome says it."""
    if channel.problem:
        return Outcome(is_delivered=False, problem=channel.problem)
    return SENDERS[channel.kind](channel, message, notification_id, now)
