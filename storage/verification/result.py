"""What is to be verified, and how it came out."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime

import duckdb
import polars as pl

from storage.catalogue import TABLES
from storage.frames import registered
from storage.sql_files import sql_beside
from storage.write import append, upsert_rows

DAYS = 28
"""In so many daily verifications everything is read."""


@dataclass(frozen=True)
class CheckResult:
    """One thing verified."""

    name: str
    is_ok: bool
    detail: str


@dataclass(frozen=True)
class Due:
    """What is to be read: of DAYS parts of what is stored the one with this number; None: all of it."""

    part: int | None

    def share(self, count: int) -> range:
        """Of `count` things in a row."""
        if self.part is None:
            return range(count)
        return range(count * self.part // DAYS, count * (self.part + 1) // DAYS)

    def has(self, name: str) -> bool:
        """Whether something that is known by its name is in that part, whatever else there is."""
        return self.part is None or int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % DAYS == self.part


def verified_until(con: duckdb.DuckDBPyConnection, what: str) -> int | None:
    """How far verification has got; None before the first."""
    found = con.execute(sql_beside(__file__, "verified_until"), {"what": what}).fetchall()
    return found[0][0] if found else None


def note_verified(con: duckdb.DuckDBPyConnection, what: str, until: int, now: datetime) -> None:
    """Note that verification has got so far."""
    upsert_rows(con, TABLES["ops.verified"], [{"what": what, "until": until, "verified_at": now}])


def keep(con: duckdb.DuckDBPyConnection, checks: list[CheckResult], now: datetime) -> None:
    """Write down how it came out."""
    if checks:
        rows = pl.DataFrame([asdict(check) for check in checks]).with_columns(pl.lit(now).alias("checked_at"))
        with registered(con, "checked_rows", rows):
            append(con, TABLES["ops.checks"], "checked_rows")
