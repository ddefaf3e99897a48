"""Manifests: what a backup is made of."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from storage.durable import write_durably
from storage.errors import GovpulseError

FORMAT = 1
CONTENT = "content"
HASH_DIGITS = 16


@dataclass(frozen=True)
class Stored:
    """A file of a backup: its path under the folder of backups, its size (bytes) and its SHA-256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Part:
    """Rows of one table in one Parquet file.

    Attributes:
        table: schema and name.
        start: the instants of its day column begin here; None where the table is kept whole.
        end: and end before this.
        generation: of their last change.
        rows: how many.
        row_hash: sum of DuckDB's hashes of all rows, whatever their order.
    """

    table: str
    start: datetime | None
    end: datetime | None
    generation: int
    rows: int
    row_hash: str
    file: Stored


@dataclass(frozen=True)
class Extra:
    """A file that is no table: `kind` is `settings`, `model` or `landing`, `name` where it belongs."""

    kind: str
    name: str
    file: Stored


@dataclass(frozen=True)
class Manifest:
    """One backup.

    Attributes:
        number: counts up, over restores too.
        made_at: what the clock said.
        installation: whose it is.
        timeline: another one after each restore: what is called alike in two timelines need not be the same.
        version: of govpulse.
        migration: that the tables have been through.
        generation: of the latest change in it.
        entry: the last entry of the journal that is in it.
        forgets: how often somebody had been forgotten.
    """

    number: int
    made_at: datetime
    installation: str
    timeline: str
    version: str
    migration: int
    generation: int
    entry: int
    forgets: int
    parts: tuple[Part, ...]
    extras: tuple[Extra, ...] = ()

    @property
    def files(self) -> tuple[Stored, ...]:
        files = [*(part.file for part in self.parts), *(extra.file for extra in self.extras)]
        return tuple({file.path: file for file in files}.values())

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)


def packed(manifest: Manifest) -> bytes:
    """The manifest as it is written."""
    return json.dumps({"format": FORMAT, **asdict(manifest)}, default=datetime.isoformat, indent=1).encode()


def unpacked(content: bytes) -> Manifest:
    """The manifest that was written.

    Raises:
        ValueError: it is none, or of a format that this govpulse does not know.
    """
    try:
        known = json.loads(content)
        if known.pop("format") != FORMAT:
            raise ValueError("it has a format that this govpulse version does not know; upgrade govpulse")
        parts, extras = map(_part, known.pop("parts")), (_extra(each) for each in known.pop("extras"))
        return Manifest(**known | {"made_at": _instant(known["made_at"]), "parts": tuple(parts), "extras": tuple(extras)})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("it is not a manifest") from error


def _part(known: dict[str, Any]) -> Part:
    return Part(**known | {"start": _instant(known["start"]), "end": _instant(known["end"]), "file": Stored(**known["file"])})


def _extra(known: dict[str, Any]) -> Extra:
    return Extra(**known | {"file": Stored(**known["file"])})


def _instant(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)


def name_of(number: int, content: bytes) -> str:
    return f"manifest-{number:06d}-{hashlib.sha256(content).hexdigest()[:HASH_DIGITS]}.json"


def manifests_in(folder: Path) -> dict[Path, Manifest]:
    """The backups in a folder by their manifests, the oldest first. What is no whole manifest is none."""
    found = {path: manifest for path in folder.glob("manifest-*.json") if (manifest := _read_whole(path)) is not None}
    return dict(sorted(found.items(), key=lambda item: item[1].number))


def damaged_manifests(folder: Path) -> Iterator[str]:
    """The names of those that are not whole."""
    return (path.name for path in sorted(folder.glob("manifest-*.json")) if _read_whole(path) is None)


def _read_whole(path: Path) -> Manifest | None:
    try:
        return manifest_of(path.name, path.read_bytes())
    except OSError:
        return None


def manifest_of(name: str, content: bytes) -> Manifest | None:
    """The manifest of that name; None where its content is not what was written."""
    try:
        manifest = unpacked(content)
    except ValueError:
        return None
    return manifest if name == name_of(manifest.number, content) else None


def is_there(folder: Path, file: Stored) -> bool:
    """Whether a file of a backup lies there, as long as it was."""
    try:
        return (folder / file.path).stat().st_size == file.bytes
    except OSError:
        return False


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write it durably, whole or not at all.

    Raises:
        GovpulseError: the disk is full or read-only.
    """
    content = packed(manifest)
    target = folder / name_of(manifest.number, content)
    try:
        write_durably(target, content)
    except OSError as error:
        raise GovpulseError(f"cannot write {target}: {error.strerror or error}") from error
    return target
