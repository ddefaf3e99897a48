"""Sends a message on a channel, by the channel's kind."""

from collections.abc import Callable
from datetime import datetime

from tasks.message import Message
from tasks.notifications.channels import Channel, Kind
from tasks.notifications.outcomes import Outcome
from tasks.notifications.senders import alertmanager, console, pagerduty, webhook


def _by_apprise(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:
    """Apprise, which knows a hundred services, is loaded for who has such a channel."""
    from tasks.notifications.senders import apprise

    return apprise.send(channel, message, notification_id, now)


def _by_email(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:
    """Likewise: templates and mail take a tenth of a second to load."""
    from tasks.notifications.senders import email

    return email.send(channel, message, notification_id, now)


def _by_template(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:
    """Likewise."""
    from tasks.notifications.senders import template

    return template.send(channel, message, notification_id, now)


Sender = Callable[[Channel, Message, str, datetime], Outcome]
SENDERS: dict[Kind, Sender] = {
    "console": console.send,
    "webhook": webhook.send,
    "pagerduty": pagerduty.send,
    "email": _by_email,
    "alertmanager": alertmanager.send,
    "template": _by_template,
    "apprise": _by_apprise,
}


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:
    """Send a message once. Raises nothing for what a receiver or the network does: the outcome says it."""
    if channel.problem:
        return Outcome(is_delivered=False, problem=channel.problem)
    return SENDERS[channel.kind](channel, message, notification_id, now)
