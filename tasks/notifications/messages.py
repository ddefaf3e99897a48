"""What a notification says: built once from its transition, in plain words."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Message:
    """One notification as any channel may render it."""

    event: str
    severity: str
    rule: str
    subject: str
    statement: str
    since: datetime


def render_line(message: Message) -> str:
    """One line for a terminal or a log."""
    return f"{message.event.upper()} {message.severity}: {message.statement} [{message.rule}, {message.since:%Y-%m-%d %H:%M} UTC]"
