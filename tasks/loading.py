"""Landing files into the warehouse, and the published file out of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.home import Home
from storage.instants import ZERO_DAYS
from storage.intake.future import take_back_future
from storage.intake.landing import backlog
from storage.intake.load_result import LoadResult
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.people.pseudonyms import Addresses
from storage.people.stored_addresses import settle_addresses
from storage.publishing.audience import EVERYBODY, Audience
from storage.publishing.publishing import publish
from storage.warehouse import warehouse

LOOK_EVERY_SECONDS = 0.2
WORTHWHILE_FILES = 4
"""Fewer are not worth the warehouse's turn while more are coming."""


@dataclass(frozen=True)
class PublishResult:
    """The published file and its size (bytes)."""

    path: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.path} ({self.size_bytes / 1e6:.1f} MB)"


@task(name="load_landing", cache_policy=NO_CACHE)
def load_landed(home: str, *, limits: Limits, zero_days: Collection[date] = ZERO_DAYS, addresses: Addresses = "keep") -> LoadResult:
    """Merge every landing file into the warehouse, where what lies ahead of the clock is put right, and rid it of addresses of
    people where these are hashed."""
    folder = Home(Path(home))
    with warehouse(folder, limits) as con:
        put_right = take_back_future(con, datetime.now(UTC), folder.quarantine)
        result = LoadResult(put_right=put_right) + load_landing(con, folder, zero_days)
    settle_addresses(folder, limits, addresses, datetime.now(UTC))
    return result


@task(name="load_as_landed", cache_policy=NO_CACHE)
def load_as_landed(home: str, *, limits: Limits, until: Event, zero_days: Collection[date] = ZERO_DAYS) -> LoadResult:
    """Merge landing files while others are being written, until told that they are; what is left then is for the next load."""
    folder, result = Home(Path(home)), LoadResult()
    while not until.wait(LOOK_EVERY_SECONDS):
        if backlog(folder) >= WORTHWHILE_FILES:
            with warehouse(folder, limits) as con:
                result += load_landing(con, folder, zero_days)
    return result


@task(name="publish", cache_policy=NO_CACHE)
def publish_tables(
    home: str,
    *,
    limits: Limits,
    audience: Audience = EVERYBODY,
    zero_days: Collection[date] = ZERO_DAYS,
    addresses: Addresses = "keep",
) -> PublishResult:
    """Load what was landed last, the run's own record among it, and replace the file that users open."""
    folder = Home(Path(home))
    with warehouse(folder, limits) as con:
        load_landing(con, folder, zero_days)
    settle_addresses(folder, limits, addresses, datetime.now(UTC))
    with warehouse(folder, limits) as con:
        return PublishResult(str(folder.published), publish(con, folder, audience))
