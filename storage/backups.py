"""Backups of the warehouse: proven before they get their name and before older ones go, in the order in which they were made.

Names have a number that counts up. The clock, and an instant typed into a form, decide nothing.
"""

import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from storage.access import FILE
from storage.duckdb_file.headers import UnknownFormatError
from storage.errors import GovpulseError
from storage.home import Home
from storage.landing import sync_folder
from storage.person_secret import copy_secret
from storage.room import require_room
from storage.warehouse import attach, connect
from storage.warehouse_mark import checkpoint

NAME = re.compile(r"warehouse-(?:(?P<number>\d{6,})-)?(?P<at>\d{8}T\d{6}Z)\.duckdb")
"""Those of an older govpulse have no number, and come before all that do."""


def backups(home: Home) -> list[Path]:
    """Those there are, in the order in which they were made."""
    named = [path for path in home.backups.glob("warehouse-*.duckdb") if NAME.fullmatch(path.name)]
    return sorted(named, key=lambda path: (_number(path), path.name))


def _number(backup: Path) -> int:
    match = NAME.fullmatch(backup.name)
    return int(match["number"] or 0) if match else 0


def made_at(backup: Path) -> datetime:
    """What the clock said when it was made."""
    match = NAME.fullmatch(backup.name)
    assert match, backup
    return datetime.strptime(match["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def back_up(con: duckdb.DuckDBPyConnection, home: Home, now: datetime) -> Path:
    """Copy the checkpointed warehouse that `con` holds to `backups/`, with the secret that it goes by, and prove the copy.

    Raises:
        GovpulseError: the copy cannot be written or is damaged, or another warehouse's secret lies there; older ones stay.
    """
    copy_secret(home)
    checkpoint(con)
    for orphan in home.backups.glob("*.tmp"):
        orphan.unlink()
    number = 1 + max(map(_number, backups(home)), default=0)
    target = home.backups / f"warehouse-{number:06d}-{now:%Y%m%dT%H%M%SZ}.duckdb"
    temporary = target.with_suffix(".tmp")
    try:
        require_room(home.backups, home.warehouse.stat().st_size, "the backup")
        copy_to_disk(home.warehouse, temporary)
        if problem := damage_in(temporary):
            raise GovpulseError(f"cannot back up: the warehouse is damaged, {problem}; older backups stay. Run govpulse salvage")
        os.replace(temporary, target)
        sync_folder(home.backups)
    except OSError as error:
        raise GovpulseError(f"cannot back up to {target}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def copy_to_disk(source: Path, target: Path) -> None:
    """A copy for its owner alone that is on the disk, and not in memory any more: what is read of it next is what was written."""
    target.touch(FILE)
    shutil.copyfile(source, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def damage_in(path: Path) -> str:
    """What of a file that nobody has open does not match its checksums; empty where all does. Reads it whole."""
    from storage.duckdb_file.blocks import damage_of  # NumPy, of which the command line knows nothing

    try:
        damage = damage_of(path)
    except (UnknownFormatError, OSError) as error:
        return str(error)
    if damage.is_none:
        return ""
    return f"{len(damage.headers)} headers and {len(damage.blocks):,} of {damage.total:,} blocks"


def rotate(home: Home, keep: int) -> list[Path]:
    """Delete all but the newest `keep`, for when the newest is proven; returns those deleted."""
    outdated = backups(home)[:-keep]
    for path in outdated:
        path.unlink()
    return outdated


def drop_outdated_backups(con: duckdb.DuckDBPyConnection, home: Home) -> int:
    """Delete the backups made before somebody was forgotten, whom they hold. For when there is a new one; returns how many.

    Which these are their own audit logs say: names and times of files change when they are copied. One that does not open may hold
    anybody.
    """
    outdated = _outdated_backups(con, home)
    for path in outdated:
        path.unlink()
    return len(outdated)


def has_outdated_backups(con: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """Whether there are backups made before somebody was forgotten."""
    return bool(_outdated_backups(con, home))


def _outdated_backups(con: duckdb.DuckDBPyConnection, home: Home) -> list[Path]:
    forgotten_at = [row[0] for row in con.execute("SELECT done_at FROM ops.audit_log WHERE action = 'forget'").fetchall()]
    return [path for path in home.backups.glob("warehouse-*.duckdb") if forgotten_at and not _is_after(path, forgotten_at)]


def _is_after(backup: Path, forgotten_at: list[datetime]) -> bool:
    """Whether the backup knows of all that was forgotten."""
    forgets = "SELECT count(*) FROM backup.ops.audit_log WHERE action = 'forget' AND list_contains(?, done_at)"
    copy = connect()
    try:
        attach(copy, backup, "backup", read_only=True)
        return bool(copy.execute(forgets, [forgotten_at]).fetchall()[0][0] == len(forgotten_at))
    except (GovpulseError, duckdb.Error):
        return False
    finally:
        copy.close()
