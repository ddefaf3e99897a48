"""Keys that must be unique are."""

import time
from datetime import datetime

import duckdb

from storage.catalogue import TABLES
from storage.changes import changed_days, changed_tables, day_column, generation, in_days
from storage.home import Home
from storage.limits import Limits
from storage.relations import count_doubled
from storage.verification.result import CheckResult, keep, note_verified, verified_until
from storage.warehouse import warehouse

WHAT = "keys"
HOLD_SECONDS = 2.0
"""After so long the others have their turn."""


def verify_keys(home: Home, limits: Limits, now: datetime, *, deep: bool = False) -> list[CheckResult]:
    """Verify the keys of what changed since the last time they were all unique, and keep in `ops.checks` how it came out.

    Args:
        deep: those of everything. Otherwise they are compared among the days that changed, where a table is kept by days.
    """
    with warehouse(home, limits) as con:
        until, since = generation(con), 0 if deep else verified_until(con, WHAT) or 0
        names = sorted(name for name in changed_tables(con, since) if name in TABLES and TABLES[name].key)
    if deep:
        names = [name for name, table in TABLES.items() if table.key and table.verb != "view"]
    checks: list[CheckResult] = []
    while len(checks) < len(names):
        with warehouse(home, limits) as con:
            began = time.monotonic()
            while len(checks) < len(names) and time.monotonic() - began < HOLD_SECONDS:
                checks.append(_unique_key(con, names[len(checks)], since, deep))
    with warehouse(home, limits) as con:
        keep(con, checks, now)
        if all(check.is_ok for check in checks):
            note_verified(con, WHAT, until, now)
    return checks


def _unique_key(con: duckdb.DuckDBPyConnection, name: str, since: int, deep: bool) -> CheckResult:
    days = None if deep or day_column(name) is None else changed_days(con, name, since)
    where = "true" if days is None else in_days(name, days)
    count = count_doubled(con, name, TABLES[name].key, where)
    return CheckResult(f"unique key of {name}", count == 0, f"{count} duplicate keys" if count else "no duplicate keys")
