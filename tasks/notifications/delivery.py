"""Delivers the outbox: reads queued rows of alerts.notifications, hands each to its channel, and writes down how it went.

At least once: a crash between the channel's yes and our commit sends the row again.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.frames import fetch
from storage.home import Home
from storage.warehouse import Limits, warehouse
from tasks.notifications.messages import Message, render_line

Sender = Callable[[Message], None]


def send_to_console(message: Message) -> None:
    """Print the message as one line, on standard error: standard output belongs to whatever command is running."""
    sys.stderr.write(render_line(message) + "\n")
    sys.stderr.flush()


SENDERS: dict[str, Sender] = {"console": send_to_console}

QUEUED = """
SELECT notification_id, channel, event, coalesce(severity, 'warning') AS severity, rule, subject, transitions.reason AS statement,
       transitioned_at AS since
FROM alerts.notifications AS notifications JOIN alerts.transitions AS transitions USING (transition_id)
WHERE notifications.status IN ('queued', 'failed') ORDER BY transitioned_at, rule, subject, channel
"""


@dataclass(frozen=True)
class DeliveryResult:
    """How many notifications were sent, and how many could not be."""

    sent: int
    failed: int

    def __str__(self) -> str:
        return f"{self.sent} sent" + (f", {self.failed} failed" if self.failed else "")


def deliver(con: duckdb.DuckDBPyConnection, channels: Mapping[str, str]) -> DeliveryResult:
    """Send every queued notification.

    Args:
        channels: kind by channel name; a row for a channel that is no longer configured fails with that reason.
    """
    outcomes = [_deliver_one(con, row, channels) for row in fetch(con, QUEUED).iter_rows(named=True)]
    return DeliveryResult(sent=sum(outcomes), failed=len(outcomes) - sum(outcomes))


def _deliver_one(con: duckdb.DuckDBPyConnection, row: dict[str, Any], channels: Mapping[str, str]) -> bool:
    message = Message(row["event"], row["severity"], row["rule"], row["subject"], row["statement"], row["since"])
    problem = None
    try:
        SENDERS[channels[row["channel"]]](message)
    except KeyError:
        problem = f"no channel {row['channel']} is configured"
    except OSError as error:
        problem = str(error)
    now = datetime.now(UTC)
    con.execute(
        "UPDATE alerts.notifications SET status = ?, reason = ?, attempts = attempts + 1, sent_at = ?, updated_at = ?"
        " WHERE notification_id = ?",
        ["failed" if problem else "sent", problem, None if problem else now, now, row["notification_id"]],
    )
    return problem is None


@task(name="deliver_notifications", cache_policy=NO_CACHE)
def deliver_notifications(home: str, *, limits: Limits, channels: dict[str, str]) -> DeliveryResult:
    """Deliver the outbox."""
    with warehouse(Home(Path(home)), limits) as con:
        return deliver(con, channels)
