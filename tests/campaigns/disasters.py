"""What befalls a home: each disaster by its name, and what it takes with it."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from storage.backups.manifest import CONTENT
from storage.home import Home
from storage.journal.files import read
from storage.wholeness.mark import wal_of
from tests.campaigns.lives import Life
from tests.journal_acts import ACTS, BOOKS
from tests.killed import killed_behind


@dataclass
class Blow:
    """What one did.

    Attributes:
        refuses: the warehouse may not be opened any more; else what is damaged may be nothing that is read.
        is_volume_gone: what was not in the second destination is lost.
        needs_elsewhere: there is no backup here any more.
        tables: whose rows the journal cannot give back any more.
        is_log: what is left can be salvaged.
    """

    refuses: bool = True
    is_volume_gone: bool = False
    needs_elsewhere: bool = False
    tables: set[str] = field(default_factory=set)
    is_log: bool = False

    def __add__(self, other: "Blow") -> "Blow":
        return Blow(
            self.refuses or other.refuses,
            self.is_volume_gone or other.is_volume_gone,
            self.needs_elsewhere or other.needs_elsewhere,
            self.tables | other.tables,
            self.is_log and other.is_log,
        )


def spoil(path: Path, chance: random.Random, count: int = 64, begin: float = 0.0) -> None:
    """Other bytes somewhere in a file behind its `begin`."""
    size = path.stat().st_size
    at = chance.randrange(int(size * begin), max(int(size * begin) + 1, size - count))
    with path.open("rb+") as file:
        file.seek(at)
        known = file.read(count)
        file.seek(at)
        file.write(bytes(byte ^ 0x5A for byte in known))


def _missing(life: Life, home: Home, chance: random.Random) -> Blow:
    home.warehouse.unlink()
    return Blow()


def _garbage(life: Life, home: Home, chance: random.Random) -> Blow:
    size = home.warehouse.stat().st_size
    wal_of(home.warehouse).unlink(missing_ok=True)
    home.warehouse.write_bytes(chance.randbytes(size) if chance.random() < 0.5 else bytes(size))
    return Blow()


def _truncated(life: Life, home: Home, chance: random.Random) -> Blow:
    content = home.warehouse.read_bytes()
    home.warehouse.write_bytes(content[: chance.randrange(12_288, len(content) // 2)])
    return Blow(refuses=False)


def _damaged(life: Life, home: Home, chance: random.Random) -> Blow:
    for _ in range(chance.randrange(1, 4)):
        spoil(home.warehouse, chance, 4096, begin=0.01)
    return Blow(refuses=False, is_log=True)


def _log_damaged(life: Life, home: Home, chance: random.Random) -> Blow:
    spoil(wal_of(home.warehouse), chance, chance.choice((1, 64)))
    return Blow(is_log=True)


def _log_cut(life: Life, home: Home, chance: random.Random) -> Blow:
    wal = wal_of(home.warehouse)
    content = wal.read_bytes()
    wal.write_bytes(content[: chance.randrange(len(content) - 8)])
    return Blow(is_log=True)


def _log_missing(life: Life, home: Home, chance: random.Random) -> Blow:
    wal_of(home.warehouse).unlink()
    return Blow(is_log=True)


def _log_of_another(life: Life, home: Home, chance: random.Random) -> Blow:
    """The log of the same warehouse as it was before."""
    other = Home(home.root.with_name(f"{home.root.name}-another"))
    shutil.copytree(life.copied.root, other.root)
    with killed_behind(other) as con:
        ACTS["silence"](con, other, 2)
    shutil.copyfile(wal_of(other.warehouse), wal_of(home.warehouse))
    shutil.rmtree(other.root)
    return Blow()


def _older_file(life: Life, home: Home, chance: random.Random) -> Blow:
    """Somebody has put an older copy in the warehouse's place, beside the log of the newer one at times."""
    shutil.copyfile(life.first, home.warehouse)
    return Blow()


def _private_gone(life: Life, home: Home, chance: random.Random) -> Blow:
    """A disk that is not mounted: its folder is empty."""
    shutil.rmtree(home.private)
    if chance.random() < 0.7:
        home.private.mkdir()
    return Blow()


def _backups_gone(life: Life, home: Home, chance: random.Random) -> Blow:
    shutil.rmtree(home.backups)
    home.backups.mkdir()
    home.warehouse.unlink(missing_ok=True)
    return Blow(needs_elsewhere=True)


def _volume_gone(life: Life, home: Home, chance: random.Random) -> Blow:
    shutil.rmtree(home.root)
    return Blow(refuses=False, is_volume_gone=True, needs_elsewhere=True)


def _backup_damaged(life: Life, home: Home, chance: random.Random) -> Blow:
    """A file that only the newest backup has, or any of it, or its manifest."""
    if manifests := sorted(home.backups.glob("manifest-*.json")):
        contents = [path for path in (home.backups / CONTENT).rglob("*") if path.is_file()]
        newest = max(contents, key=lambda path: path.stat().st_mtime_ns)
        spoil(chance.choice([manifests[-1], newest, newest]), chance, 8)
    return Blow(refuses=False)


def _line_damaged(life: Life, home: Home, chance: random.Random) -> Blow:
    """Another byte in a line of the journal that the newest backup has not."""
    lines = [(path, line) for path in sorted(home.journal.glob("*/entries.ndjson"))[-1:] for line in path.read_bytes().splitlines()]
    if len(lines) < 2:
        return Blow(refuses=False)
    path, line = chance.choice(lines[:-1])
    content = path.read_bytes()
    place = content.index(line) + chance.randrange(len(line))
    path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
    entry = read(line + b"\n")
    assert entry is not None
    return Blow(refuses=False, tables={name for did in entry.did for name in _tables_of(did)})


def _tables_of(did: dict[str, object]) -> set[str]:
    if "table" in did:
        return {str(did["table"])}
    if "load" in did:
        return {f"raw.{did['load']}", *BOOKS}
    return {"*"}


def _kept_missing(life: Life, home: Home, chance: random.Random) -> Blow:
    kept = sorted(home.journal.glob("*/landed/*/*.parquet"))
    if not kept:
        return Blow(refuses=False)
    path = chance.choice(kept)
    path.unlink() if chance.random() < 0.5 else spoil(path, chance, 4)
    return Blow(refuses=False, tables={f"raw.{path.parent.name}", *BOOKS})


Disaster = Callable[[Life, Home, random.Random], Blow]
DISASTERS: dict[str, Disaster] = {
    "file missing": _missing,
    "file is garbage": _garbage,
    "file is cut": _truncated,
    "file damaged": _damaged,
    "log damaged": _log_damaged,
    "log cut": _log_cut,
    "log missing": _log_missing,
    "log of another": _log_of_another,
    "older file": _older_file,
    "private is not mounted": _private_gone,
    "backups are not mounted": _backups_gone,
    "all is gone": _volume_gone,
}
SECOND: dict[str, Disaster] = {
    "a backup damaged": _backup_damaged,
    "a line damaged": _line_damaged,
    "a kept file missing": _kept_missing,
}
