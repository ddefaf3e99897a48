"""`govpulse forget`: a person leaves the warehouse and the published file."""

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.printing import say, working
from flows.settings import Settings, load_settings
from storage.errors import ConfigurationError
from storage.forgetting import forget_user
from storage.loading import load_landing
from storage.lock import fair_lock
from storage.maintenance import compact
from storage.publishing import publish
from storage.warehouse import warehouse

NOBODY = "system"
"""The contract's word for what no person asked for."""


def forget(user: Annotated[str, typer.Argument(help="The platform's id of the person.")]) -> None:
    """Take a person out of every table, for good: what is read of them later is left out too. Safe to repeat."""
    if not user.strip() or user == NOBODY:
        raise ConfigurationError("give the platform's id of a person")
    settings = load_settings()
    with working("forgetting"):
        counts = take_out(settings, user)
    rows = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
    say(f"forgotten: {rows}" if rows else "nothing of this user was here; what comes later will be left out")
    tell_what_is_left(settings)


def take_out(settings: Settings, user: str) -> dict[str, int]:
    """First load what waits, which may name them; last write the files anew, for deleted rows stay readable in them.

    Meanwhile nobody computes insights: a computation writes what it read before.
    """
    home, limits = settings.folder, settings.limits
    home.create()
    with fair_lock(home.insights_lock, limits.lock_timeout_seconds):
        with warehouse(home, limits) as con:
            load_landing(con, home)
            counts = forget_user(con, user, getpass.getuser(), datetime.now(UTC))
            compact(con, home)
        with warehouse(home, limits) as con:
            publish(con, home)
    return counts


def tell_what_is_left(settings: Settings) -> None:
    """Say where the person may still be."""
    home = settings.folder
    backups = len(list(home.backups.glob("*.duckdb")))
    if backups:
        say(f"{backups} backup{'s' * (backups > 1)} made before may hold them until the next is made (maintain_warehouse, daily)")
    quarantined = sum(1 for path in home.quarantine.rglob("*") if path.is_file())
    if quarantined:
        say(f"{quarantined} unreadable file{'s' * (quarantined > 1)} in {home.quarantine} may name them: delete by hand")
