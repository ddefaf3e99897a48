"""How an attempt to send a notification went."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Outcome:
    """One attempt.

    Args:
        problem: what went wrong, one line without a secret in it.
        retry_after: how long the receiver asked to be left alone.
        is_channel_wide: another notification would fare the same on this channel now.
        is_maybe_received: no answer came after the request had gone out.
    """

    is_delivered: bool
    problem: str | None = None
    retry_after: timedelta | None = None
    is_channel_wide: bool = True
    is_maybe_received: bool = False


DELIVERED = Outcome(is_delivered=True)
