"""The console: one line on standard error, or in the terminal of a running `up`."""

import os
import sys
from datetime import datetime

from tasks.message import Message
from tasks.notifications.channels import Channel
from tasks.notifications.outcomes import DELIVERED, Outcome
from tasks.notifications.rendering import render_line


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:  # noqa: ARG001 - a Sender
    """Print the message. On standard error: standard output belongs to whatever command is running."""
    line, file = render_line(message) + "\n", channel.url.get_secret_value()
    try:
        if file:
            _append(file, line)
        else:
            sys.stderr.write(line)
            sys.stderr.flush()
    except (OSError, ValueError) as error:  # the other end of the pipe has gone, or it is closed
        return Outcome(is_delivered=False, problem=f"{'the terminal of `up`' if file else 'standard error'}: {error}")
    return DELIVERED


def _append(file: str, line: str) -> None:
    """In one write, so that lines of several runs stay whole."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, line.encode(errors="backslashreplace"))
    finally:
        os.close(descriptor)
