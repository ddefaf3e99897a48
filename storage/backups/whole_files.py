"""Backups of an older govpulse: copies of the whole warehouse, `backups/warehouse-NUMBER-TIME.duckdb`.

They are put back, and dropped when there are enough newer ones; no new ones are made.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from storage.duckdb_file.headers import UnknownFormatError
from storage.errors import GovpulseError
from storage.home import Home
from storage.relations import count_rows, greatest
from storage.warehouse import attach, connect

NAME = re.compile(r"warehouse-(?:(?P<number>\d{6,})-)?(?P<at>\d{8}T\d{6}Z)\.duckdb")
"""Those that are older still have no number, and come before all that do."""


def whole_files(home: Home) -> list[Path]:
    """Those there are, in the order in which they were made."""
    named = [path for path in home.backups.glob("warehouse-*.duckdb") if NAME.fullmatch(path.name)]
    return sorted(named, key=lambda path: (number_of(path), path.name))


def number_of(backup: Path) -> int:
    match = NAME.fullmatch(backup.name)
    return int(match["number"] or 0) if match else 0


def newest_number(home: Home) -> int:
    """The highest number among them; 0 where there is none."""
    return max(map(number_of, whole_files(home)), default=0)


def made_at(backup: Path) -> datetime:
    """What the clock said when it was made."""
    match = NAME.fullmatch(backup.name)
    assert match, backup
    return datetime.strptime(match["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


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


def knows_of(backup: Path, forgotten_at: list[datetime]) -> bool:
    """Whether a copy was made after all that was forgotten.

    Its own audit log says so: names and times of files change when they are copied. One that does not open may hold anybody.
    """
    is_known = "action = 'forget' AND list_contains($forgotten_at, done_at)"
    copy = connect()
    try:
        attach(copy, backup, "backup", read_only=True)
        return count_rows(copy, "backup.ops.audit_log", is_known, {"forgotten_at": forgotten_at}) == len(forgotten_at)
    except (GovpulseError, duckdb.Error):
        return False
    finally:
        copy.close()


def journal_number(file: Path) -> int:
    """The last entry of the journal that a copy has; 0 where it does not say."""
    con = connect()
    try:
        attach(con, file, "backup", read_only=True)
        return int(greatest(con, "backup.ops.journal", "number") or 0)
    except (GovpulseError, duckdb.Error):
        return 0
    finally:
        con.close()
