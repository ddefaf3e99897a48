"""The daily upkeep of the warehouse, one task a step."""

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.backups import back_up, drop_outdated_backups, rotate
from storage.catalogue import TABLES
from storage.clock import is_settled
from storage.errors import GovpulseError
from storage.frames import registered
from storage.home import Home
from storage.landing import sweep_orphans
from storage.maintenance import COMPACT_AT_FREE_RATIO, apply_retention, compact, free_ratio, verify
from storage.warehouse import Limits, warehouse
from storage.write import append


@dataclass(frozen=True)
class MaintenanceResult:
    """What a step of upkeep did, in words."""

    said: str

    def __str__(self) -> str:
        return self.said


@task(name="apply_retention", cache_policy=NO_CACHE)
def delete_expired(home: str, *, limits: Limits, days: dict[str, int], as_of: datetime) -> MaintenanceResult:
    """Delete rows past their retention, and what killed writers left in the landing zone. Retention waits where the clock has just
    leapt: it would take everything for old."""
    folder = Home(Path(home))
    orphans = sweep_orphans(folder, time.time())
    with warehouse(folder, limits) as con:
        if not is_settled(con, as_of):
            return MaintenanceResult(f"nothing deleted: {as_of:%Y-%m-%d} is days after what was last written; deletes in a day")
        deleted = apply_retention(con, days, as_of)
    rows = ", ".join(f"{count:,} of {name}" for name, count in deleted.items()) or "nothing"
    return MaintenanceResult(f"deleted {rows}" + (f"; {orphans} orphaned files" if orphans else ""))


@task(name="compact", cache_policy=NO_CACHE)
def compact_warehouse(home: str, *, limits: Limits) -> MaintenanceResult:
    """Rewrite the warehouse file where more than a quarter of it is holes."""
    folder = Home(Path(home))
    with warehouse(folder, limits) as con:
        before, holes = folder.warehouse.stat().st_size, free_ratio(con)
        if holes <= COMPACT_AT_FREE_RATIO:
            return MaintenanceResult(f"not needed, {holes:.0%} free")
        compact(con, folder)
    return MaintenanceResult(f"{before / 1e6:.1f} MB -> {folder.warehouse.stat().st_size / 1e6:.1f} MB")


@task(name="back_up_and_verify", cache_policy=NO_CACHE)
def back_up_and_verify(home: str, *, limits: Limits, keep: int, as_of: datetime) -> MaintenanceResult:
    """Back up, check keys and the copy, and write the outcome to ops.checks.

    Raises:
        GovpulseError: a check failed; names it.
    """
    return renew_backup(Home(Path(home)), limits, keep, as_of)


def renew_backup(folder: Home, limits: Limits, keep: int, as_of: datetime) -> MaintenanceResult:
    """The same, for whoever is no flow; once there is a sound backup, older ones go: those over the count, and those from before
    somebody was forgotten."""
    with warehouse(folder, limits) as con:
        backup = back_up(con, folder, datetime.now(UTC))
        checks = verify(con, backup)
        rows = pl.DataFrame([asdict(check) for check in checks]).with_columns(pl.lit(as_of).alias("checked_at"))
        with registered(con, "checked_rows", rows):
            append(con, TABLES["ops.checks"], "checked_rows")
        is_sound = all(check.is_ok for check in checks)
        dropped = drop_outdated_backups(con, folder) if is_sound else 0
        if is_sound:
            rotate(folder, keep)
    broken = [f"{check.name}: {check.detail}" for check in checks if not check.is_ok]
    if broken:
        raise GovpulseError("; ".join(broken))
    said = f"{backup.name}, {len(checks)} checks passed"
    return MaintenanceResult(said + (f"; dropped {dropped} from before somebody was forgotten" if dropped else ""))
