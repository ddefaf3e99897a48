"""A lock between processes that waits its turn fairly, never for ever, and dies with its holder.

Exclusion comes from `flock` on one file, which the kernel releases when the holder dies. Fairness comes from tickets: each
waiter puts a file, itself flocked, into a queue folder and goes on only when no live ticket is older. Names order the tickets
by wall clock, so a clock step can cost fairness, never exclusion. Whoever can open a file, were it only to read, can `flock` it and
hold everybody up: so lock and tickets are their owner's alone.
"""

import fcntl
import logging
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.access import FILE, FOLDER
from storage.errors import GovpulseError

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.02
PATIENCE_SECONDS = 5.0


class BusyError(GovpulseError):
    """Others held the lock for too long."""


@contextmanager
def fair_lock(path: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock `path` inside the block.

    Raises:
        BusyError: others held it for longer than `timeout_seconds`.
    """
    path.parent.mkdir(FOLDER, parents=True, exist_ok=True)
    queue = path.with_name(path.name + ".queue")
    queue.mkdir(FOLDER, exist_ok=True)
    ticket, ticket_descriptor = _draw_ticket(queue)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE)
    try:
        _wait_for_turn(path, queue, ticket, descriptor, timeout_seconds)
        _take_away_dead(queue)
        yield
    finally:
        ticket.unlink(missing_ok=True)
        os.close(descriptor)
        os.close(ticket_descriptor)


def _draw_ticket(queue: Path) -> tuple[Path, int]:
    """A flocked ticket. It is flocked before it gets its name, so that nobody takes it for a dead one and goes ahead."""
    while True:
        temporary = queue / f".{uuid.uuid4().hex}"
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ticket = queue / f"{time.time_ns():020d}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
            temporary.rename(ticket)
        except (BlockingIOError, FileNotFoundError):  # it was taken away as a dead one's before it was flocked
            os.close(descriptor)
        else:
            return ticket, descriptor


def _take_away_dead(queue: Path) -> None:
    """Tickets of those who were killed before they gave them a name."""
    for name in os.listdir(queue):
        if name.startswith("."):
            _is_alive(queue / name)


def _wait_for_turn(path: Path, queue: Path, ticket: Path, descriptor: int, timeout_seconds: float) -> None:
    started = time.monotonic()
    logged = False
    while not (_is_first(queue, ticket) and _try_flock(descriptor)):
        waited = time.monotonic() - started
        if waited >= timeout_seconds:
            raise BusyError(f"{path.name} stayed busy for {timeout_seconds:.0f} s; another govpulse holds it; try again later")
        if waited >= PATIENCE_SECONDS and not logged:
            logger.warning("has been waiting for %s for %.0f s; gives up after %.0f s", path.name, waited, timeout_seconds)
            logged = True
        time.sleep(POLL_SECONDS)


def _is_first(queue: Path, ticket: Path) -> bool:
    older = sorted(name for name in os.listdir(queue) if not name.startswith(".") and name < ticket.name)
    return not any(_is_alive(queue / name) for name in older)


def _is_alive(ticket: Path) -> bool:
    """Whether the ticket's owner lives; a dead owner's ticket is removed."""
    if is_held(ticket):
        return True
    ticket.unlink(missing_ok=True)
    return False


def _try_flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether somebody living holds the lock `path` now."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try_flock(descriptor)
    finally:
        os.close(descriptor)
