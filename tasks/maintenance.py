"""The daily upkeep of the warehouse, one task a step."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.backups.elsewhere import copy_backups
from storage.backups.keeping import drop_outdated_backups, heal, oldest_entry, rotate
from storage.backups.manifest import Manifest, manifests_in
from storage.backups.taking import Source, Taken, back_up, backups_turn
from storage.catalogue import TABLES
from storage.clock import is_settled
from storage.destination import open_destination
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import sweep_orphans
from storage.journal.elsewhere import copy_journal, drop_journal
from storage.journal.files import begin_segment, drop_segments_before, segment_after
from storage.limits import Limits
from storage.maintenance import COMPACT_AT_FREE_RATIO, apply_retention, compact, free_ratio
from storage.room import in_units
from storage.verification.files import verify_files
from storage.verification.keys import verify_keys
from storage.verification.result import CheckResult
from storage.warehouse import warehouse
from storage.write import upsert_rows
from tasks.wording import counted


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
            return MaintenanceResult(f"nothing deleted: {as_of:%Y-%m-%d} is days after the newest rows; retention deletes in a day")
        deleted = apply_retention(con, days, as_of)
    rows = ", ".join(f"{count:,} of {name}" for name, count in deleted.items()) or "nothing"
    return MaintenanceResult(f"deleted {rows}" + (f"; {counted(orphans, 'orphaned file')}" if orphans else ""))


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


@task(name="back_up", cache_policy=NO_CACHE)
def back_up_warehouse(home: str, *, limits: Limits, keep: int, sources: Sequence[Source] = (), to: str = "") -> MaintenanceResult:
    """Back up what changed, prove it, and only then drop older backups.

    Raises:
        GovpulseError: the backup cannot be made or proven; older ones stay.
    """
    return renew_backup(Home(Path(home)), limits, keep, sources, to)


def renew_backup(folder: Home, limits: Limits, keep: int, sources: Sequence[Source] = (), to: str = "") -> MaintenanceResult:
    """The same, for whoever is no flow; those go too that were made before somebody was forgotten, and of the journal what all that
    are left have.

    Args:
        to: the second destination. The backups there are older, and need the journal until they have the new one beside them: what
            has not got there is kept here.
    """
    with backups_turn(folder, limits):
        taken = back_up(folder, limits, datetime.now(UTC), sources)
        begin_segment(folder)
        healed = heal(folder.backups, taken.manifest)
        with warehouse(folder, limits) as con:
            upsert_rows(con, TABLES["ops.backups"], [_row(taken.manifest, datetime.now(UTC)) | _cost(taken)])
        _refuse_broken(verify_keys(folder, limits, datetime.now(UTC)), "; older backups stay")
        with warehouse(folder, limits) as con:
            dropped = drop_outdated_backups(con, folder)
        rotate(folder, keep)
        problem = _problem_of_copying(folder, to)
        if not problem:
            drop_segments_before(folder, segment_after(folder, oldest_entry(folder)))
    said = f"number {taken.manifest.number}, {counted(taken.manifest.rows, 'row')}, {in_units(taken.written_bytes)} written"
    said += f"; {len(healed)} older backups repaired" if healed else ""
    said += f"; the journal is kept: {problem}" if problem else ""
    return MaintenanceResult(said + (f"; deleted {dropped} from before somebody was forgotten" if dropped else ""))


def _problem_of_copying(folder: Home, to: str) -> str:
    """Copy the journal to the second destination, where there is one; returns why it is not there."""
    try:
        if to:
            copy_journal(folder, open_destination(to))
    except GovpulseError as error:
        return str(error)
    return ""


def _refuse_broken(checks: Sequence[CheckResult], what_then: str = "") -> None:
    if broken := [f"{check.name}: {check.detail}" for check in checks if not check.is_ok]:
        raise GovpulseError("; ".join(broken) + what_then)


def _cost(taken: Taken) -> dict[str, object]:
    return {"written_bytes": taken.written_bytes, "longest_hold_seconds": taken.longest_hold_seconds}


def _row(manifest: Manifest, proven_at: datetime) -> dict[str, object]:
    return {
        "number": manifest.number,
        "destination": "home",
        "made_at": manifest.made_at,
        "proven_at": proven_at,
        "rows": manifest.rows,
        "bytes": sum(file.bytes for file in manifest.files),
    }


@task(name="copy_backups", cache_policy=NO_CACHE)
def copy_backups_elsewhere(home: str, *, limits: Limits, to: str, keep: int) -> MaintenanceResult:
    """Copy the newest backup to the second destination, read it back there, and only then drop older ones there.

    Raises:
        GovpulseError: the place does not answer, is full, or another installation's.
    """
    return copy_elsewhere(Home(Path(home)), limits, to, keep)


def copy_elsewhere(folder: Home, limits: Limits, to: str, keep: int) -> MaintenanceResult:
    """The same, for whoever is no flow."""
    destination = open_destination(to)
    with backups_turn(folder, limits):
        copied = copy_journal(folder, destination) + copy_backups(folder, destination, keep)
        drop_journal(folder, destination)
        newest = list(manifests_in(folder.backups).values())[-1]
        with warehouse(folder, limits) as con:
            row = _row(newest, datetime.now(UTC)) | {"destination": destination.name, "written_bytes": copied}
            upsert_rows(con, TABLES["ops.backups"], [row])
    return MaintenanceResult(f"backup {newest.number}, {in_units(copied)} copied")


@task(name="copy_journal", cache_policy=NO_CACHE)
def copy_journal_elsewhere(home: str, *, to: str) -> MaintenanceResult:
    """Copy to the second destination what the journal and the landing zone have since the last copy.

    Raises:
        GovpulseError: the place does not answer or is full.
    """
    return MaintenanceResult(f"{in_units(copy_journal(Home(Path(home)), open_destination(to)))} copied")


@task(name="verify", cache_policy=NO_CACHE)
def verify_home(home: str, *, limits: Limits) -> MaintenanceResult:
    """Verify the part of the files whose turn it is; the keys of what changed were, with the backup.

    Raises:
        GovpulseError: a check failed; names it.
    """
    folder = Home(Path(home))
    with backups_turn(folder, limits):
        checks = verify_files(folder, limits, datetime.now(UTC))
    _refuse_broken(checks)
    return MaintenanceResult(f"{len(checks)} checks passed")
