"""The console: one line on standard error."""

import sys
from datetime import datetime

from tasks.message import Message
from tasks.notifications.channels import Channel
from tasks.notifications.outcomes import DELIVERED, Outcome
from tasks.notifications.rendering import render_line


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:  # noqa: ARG001 - a Sender
    """Print the message. On standard error: standard output belongs to whatever command is running."""
    try:
        sys.stderr.write(render_line(message) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError) as error:  # the other end of the pipe has gone, or it is closed
        return Outcome(is_delivered=False, problem=f"standard error: {error}")
    return DELIVERED
