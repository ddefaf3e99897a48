"""`govpulse verify`: whether what is stored is what was written."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from flows.printing import cell, show, working
from flows.settings import load_settings
from storage.backups.taking import backups_turn
from storage.verification.files import verify_files
from storage.verification.keys import verify_keys
from storage.verification.result import CheckResult

KEYS = "unique key of "


def verify(
    deep: Annotated[bool, typer.Option("--deep", help="Check everything, not only what changed and today's part.")] = False,
) -> None:
    """Check stored data against its checksums and look for duplicate keys; exit code 1 if anything is wrong."""
    settings = load_settings()
    home, limits, now = settings.folder, settings.limits, datetime.now(UTC)
    with backups_turn(home, limits), working("reading"):
        checks = [*verify_files(home, limits, now, deep=deep), *verify_keys(home, limits, now, deep=deep)]
    show(told(checks))
    raise typer.Exit(0 if all(check.is_ok for check in checks) else 1)


def told(checks: list[CheckResult]) -> Table:
    """A line a check; of keys those that are doubled, and how many tables have none."""
    shown = Table("", "what", "found")
    keys = [check for check in checks if check.name.startswith(KEYS)]
    for check in checks:
        if check not in keys or not check.is_ok:
            shown.add_row(*map(cell, ("ok" if check.is_ok else "problem", check.name, check.detail)))
    shown.add_row(*map(cell, ("ok", "unique keys", f"{sum(check.is_ok for check in keys)} tables without duplicate keys")))
    return shown
