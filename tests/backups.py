"""Backups as tests make and spoil them."""

from datetime import UTC, datetime
from pathlib import Path

from storage.backups.manifest import Manifest
from storage.backups.taking import Taken, back_up, backups_turn
from storage.home import Home
from storage.restore import Restored, restore
from storage.warehouse import Limits, turn

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def back_up_now(home: Home, at: datetime = NOW) -> Taken:
    with backups_turn(home, Limits()):
        return back_up(home, Limits(), at)


def restore_now(home: Home, at: datetime | None = None, *, keeps: bool = True) -> Restored:
    with turn(home):
        return restore(home, Limits(), NOW, at=at, keeps=keeps)


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
