"""Delivers the outbox, every channel by itself and at its own pace.

At least once: the row is marked, the warehouse closed, the notification sent, and the outcome written down. Only a crash between
the receiver's yes and that last step sends it again, under the same id.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.home import Home
from storage.limits import Limits
from storage.lock import BusyError, fair_lock
from storage.warehouse import warehouse
from tasks.message import Message, from_json
from tasks.notifications.channels import Channel
from tasks.notifications.links import Links, linked, page_of, signatures
from tasks.notifications.outbox import channels_with_work, going_on, record, take
from tasks.notifications.outcomes import Outcome
from tasks.notifications.redaction import redact
from tasks.notifications.senders import send
from tasks.notifications.senders.alertmanager import renew

NO_LINKS = Links()


@dataclass(frozen=True)
class DeliveryResult:
    """How many notifications were sent, how many attempts failed, and what the channels said, a line each."""

    sent: int = 0
    failed: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: "DeliveryResult") -> "DeliveryResult":
        return DeliveryResult(self.sent + other.sent, self.failed + other.failed, (*self.problems, *other.problems))

    def __str__(self) -> str:
        problems = f": {'; '.join(self.problems)}" if self.problems else ""
        return f"{self.sent} sent" + (f", {self.failed} failed{problems}" if self.failed else "")


def deliver_channel(
    home: Home, limits: Limits, channel: Channel, until: float, clock: Callable[[], datetime], links: Links = NO_LINKS
) -> DeliveryResult:
    """Send what is due on one channel, and what becomes due before `until` (of the monotonic clock).

    While it holds the channel's lock nobody else sends there; the lock dies with its holder. Somebody else's turn is no failure.
    """
    lock = home.private / "delivery" / f"{hashlib.sha256(channel.name.encode()).hexdigest()[:16]}.lock"
    with ExitStack() as held:
        try:
            held.enter_context(fair_lock(lock, 0.0))
        except BusyError:  # of this lock only: a warehouse that stays busy is a failure
            return DeliveryResult()
        delivered = _deliver(home, limits, channel, until, clock, links)
        return delivered + _renewed(home, limits, channel, clock, links) if channel.kind == "alertmanager" else delivered


def _deliver(
    home: Home, limits: Limits, channel: Channel, until: float, clock: Callable[[], datetime], links: Links
) -> DeliveryResult:
    result, done = DeliveryResult(), None
    while True:
        with warehouse(home, limits) as con:
            if done is not None:
                record(con, *done, clock())
            taken = take(con, channel, clock())
        if taken.row is None:
            wait = (taken.look_again_at - clock()).total_seconds() if taken.look_again_at else float("inf")
            if time.monotonic() + wait > until:
                return result
            done = None
            time.sleep(max(wait, 0.0))
            continue
        row, now = taken.row, clock()
        message = linked(from_json(row.message), row.notification_id, links, now)
        outcome = _without_permits(send(channel, message, row.notification_id, now), message)
        done = row, outcome
        said = () if outcome.is_delivered else (f"{channel.name}: {outcome.problem}",)
        result += DeliveryResult(int(outcome.is_delivered), int(not outcome.is_delivered), said)


def _renewed(home: Home, limits: Limits, channel: Channel, clock: Callable[[], datetime], links: Links) -> DeliveryResult:
    """Alertmanager forgets what it does not hear of: it hears of what goes on at each delivery."""
    if channel.problem:
        return DeliveryResult()
    with warehouse(home, limits) as con:
        told = [from_json(text) for text in going_on(con, channel.name)]
    outcome = renew(channel, [replace(message, links=page_of(message, links)) for message in told], clock())
    return DeliveryResult() if outcome.is_delivered else DeliveryResult(problems=(f"{channel.name}: {outcome.problem}",), failed=1)


def _without_permits(outcome: Outcome, message: Message) -> Outcome:
    """What a receiver says may repeat what it got, and everybody may read why something was not delivered."""
    return replace(outcome, problem=redact(outcome.problem, signatures(message))) if outcome.problem else outcome


def deliver(
    home: Home,
    limits: Limits,
    channels: Sequence[Channel],
    patience: timedelta,
    clock: Callable[[], datetime],
    links: Links = NO_LINKS,
) -> DeliveryResult:
    """Send what is due on every channel, side by side; see `deliver_channel`."""
    with warehouse(home, limits) as con:
        names = channels_with_work(con)
    known: Mapping[str, Channel] = {channel.name: channel for channel in channels}
    missing = "no channel of this name is configured"
    renewed = [channel for channel in channels if channel.kind == "alertmanager" and channel.name not in names]
    asked = [*(known.get(name) or Channel(name, problem=missing) for name in names), *renewed]
    until = time.monotonic() + patience.total_seconds()
    with ThreadPoolExecutor(max(len(asked), 1)) as pool:
        results = pool.map(lambda channel: deliver_channel(home, limits, channel, until, clock, links), asked)
    return sum(results, DeliveryResult())


@task(name="deliver_notifications", cache_policy=NO_CACHE)
def deliver_notifications(
    home: str, *, limits: Limits, channels: Sequence[Channel], patience: timedelta, links: Links = NO_LINKS
) -> DeliveryResult:
    """Deliver the outbox.

    Args:
        patience: for how long to wait for what becomes due meanwhile; what is due now is always tried.
        links: what messages link to.
    """
    return deliver(Home(Path(home)), limits, channels, patience, lambda: datetime.now(UTC), links)
