"""What the pages work with, and how they come to the warehouse."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import duckdb
from pydantic import SecretStr

from storage.home import Home
from storage.limits import Limits
from storage.lock import BusyError
from storage.publishing.published import published
from storage.warehouse import warehouse

LOOK_SECONDS = 2.0
"""Who looks does not wait for a step that takes long: there is the published file."""
ACT_SECONDS = 20.0


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Desk:
    """An installation as its pages see it.

    Args:
        secret: of its API, which opens the pages, too.
        key: signs the links in messages.
        runbooks: what is put before a runbook that is a path.
        is_encrypted: people come by HTTPS.
    """

    home: Home
    limits: Limits
    secret: str
    key: SecretStr
    runbooks: str = ""
    is_encrypted: bool = False
    clock: Callable[[], datetime] = field(default=_now)


@contextmanager
def looking(desk: Desk) -> Iterator[tuple[duckdb.DuckDBPyConnection, bool]]:
    """A connection to look at, and whether it is to the warehouse; while that is busy it is to the published file.

    Raises:
        GovpulseError: neither can be read.
    """
    with ExitStack() as held:
        try:
            con = held.enter_context(warehouse(desk.home, replace(desk.limits, lock_timeout_seconds=LOOK_SECONDS)))
            is_live = True
        except BusyError:
            con, is_live = held.enter_context(published(desk.home.published)), False
        yield con, is_live


@contextmanager
def acting(desk: Desk) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, for an act.

    Raises:
        BusyError: its turn did not come.
    """
    with warehouse(desk.home, replace(desk.limits, lock_timeout_seconds=ACT_SECONDS)) as con:
        yield con
