"""Backups as tests make and spoil them."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.backups.manifest import Manifest
from storage.backups.restore import Restored, restore
from storage.backups.taking import Taken, back_up, backups_turn
from storage.changes import stored_tables
from storage.frames import fetch
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import turn, warehouse

TIMELINE = "ops.installation"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def back_up_now(home: Home, at: datetime = NOW) -> Taken:
    with backups_turn(home, Limits()):
        return back_up(home, Limits(), at)


def restore_now(home: Home, at: datetime | None = None, *, keeps: bool = True) -> Restored:
    with turn(home):
        return restore(home, Limits(), NOW, at=at, keeps=keeps)


def lose_journal(home: Home) -> None:
    """Without the journal a restore has the backup alone."""
    for segment in home.journal.glob("[0-9]*"):
        shutil.rmtree(segment)


def everything(home: Home) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for the timeline, which a restore makes anew."""
    with warehouse(home) as con:
        found = {name: fetch(con, f"FROM {name} ORDER BY ALL").rows() for name in stored_tables() if name != TIMELINE}
    return found | {"ops.changes": [row for row in found["ops.changes"] if row[0] != TIMELINE]}


def file_of(home: Home, manifest: Manifest, table: str) -> Path:
    """The first file of a table in a backup."""
    return home.backups / next(part.file.path for part in manifest.parts if part.table == table)


def flip(path: Path, at: int) -> None:
    """Another bit in one byte."""
    with path.open("rb+") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 64]))
