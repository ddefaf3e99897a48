"""When a reading was taken, and how long it was since the one before.

Elapsed time comes from the monotonic clock: the wall clock may be set while we measure. Two readings belong together only
within one boot, since counters start again with the machine.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil

from tasks.sources.host.metric import OK

NO_PREVIOUS_READING = "no_previous_reading"
REBOOTED = "rebooted"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# The boot time is derived from the wall clock, which is corrected by seconds; no machine reboots twice in a minute.
BOOT_TIME_SLACK_SECONDS = 60.0


@dataclass(frozen=True)
class Clock:
    """The clocks, replaceable in tests. `wall` is seconds since 1970; `sleep` takes seconds."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


SYSTEM_CLOCK = Clock()


@dataclass(frozen=True)
class Moment:
    """One instant on the wall clock (UTC) and the monotonic clock, of a boot. `boot_id` exists on Linux only."""

    observed_at: datetime
    monotonic_seconds: float
    boot_id: str | None
    booted_at_seconds: float | None


class Interval(NamedTuple):
    """The seconds between two readings; None, with the reason in `status`, where they cannot be compared."""

    seconds: float | None
    status: str = OK


def read_moment(clock: Clock) -> Moment:
    """Now, and which boot it belongs to. What cannot be read of the boot is None."""
    observed_at = datetime.fromtimestamp(clock.wall(), UTC)
    return Moment(observed_at, clock.monotonic(), _read_boot_id(), _read_boot_time())


def _read_boot_id() -> str | None:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return None


def _read_boot_time() -> float | None:
    try:
        return psutil.boot_time()
    except (OSError, RuntimeError, psutil.Error):
        return None


def measure_interval(previous: Moment | None, current: Moment) -> Interval:
    """The monotonic seconds from `previous` to `current`, if they are of one boot."""
    if previous is None:
        return Interval(None, NO_PREVIOUS_READING)
    elapsed = current.monotonic_seconds - previous.monotonic_seconds
    if elapsed <= 0 or not _is_same_boot(previous, current):
        return Interval(None, REBOOTED)
    return Interval(elapsed)


def _is_same_boot(previous: Moment, current: Moment) -> bool:
    if previous.boot_id and current.boot_id:
        return previous.boot_id == current.boot_id
    if previous.booted_at_seconds is None or current.booted_at_seconds is None:
        return True  # then only the monotonic clock, which starts again at boot, can tell
    return abs(current.booted_at_seconds - previous.booted_at_seconds) <= BOOT_TIME_SLACK_SECONDS
