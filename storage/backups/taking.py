"""A backup: what changed since the last one is written while others wait a few seconds at most, and read back before it counts.

The warehouse is held for a few slices at a time. What changes in between is written again, and in the last hold nothing is left
that did: so the backup is the warehouse as it was then, whole.
"""

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from storage.access import FILE, FOLDER
from storage.backups.exporting import Sums, drop_from_memory, export, prove, settle, sha256_of
from storage.backups.manifest import CONTENT, Extra, Manifest, Part, is_there, manifests_in, write_manifest
from storage.backups.slices import Slice, slice_of, slices_of
from storage.backups.whole_files import newest_number
from storage.catalogue import LANDED
from storage.changes import generation
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.intake.landing import pending
from storage.journal.noting import committed_number
from storage.limits import Limits
from storage.lock import fair_lock
from storage.people.person_secret import copy_secret
from storage.relations import count_rows, greatest, values_of
from storage.room import LEAST_BYTES, is_about_room, remedy, require_room
from storage.warehouse import REMEDY, connect, warehouse

HOLD_SECONDS = 2.0
"""After so long no further slice is begun, and the others have their turn."""
MOST_HOLDS = 200
"""What changes faster than it is written makes the others wait in the end."""


@dataclass(frozen=True)
class Taken:
    """A backup, and what it cost.

    Attributes:
        path: of its manifest.
        written_bytes: of files that no earlier backup had.
        longest_hold_seconds: for so long others had to wait.
    """

    path: Path
    manifest: Manifest
    written_bytes: int
    longest_hold_seconds: float


@dataclass(frozen=True)
class Source:
    """A file that is no table and belongs into the backup: `kind` and `name` as in `Extra`."""

    kind: str
    name: str
    path: Path


@dataclass(frozen=True)
class _Head:
    """Of the warehouse as it is held: what the manifest says of it."""

    installation: str
    timeline: str
    migration: int
    generation: int
    entry: int
    forgets: int


@dataclass
class _Work:
    """A backup on its way: slices as they were last cut, and the parts that are written and proven."""

    home: Home
    limits: Limits
    cut: list[Slice]
    parts: dict[Slice, Part]
    written_bytes: int = 0
    holds: list[float] = field(default_factory=list)


def back_up(home: Home, limits: Limits, now: datetime, sources: Sequence[Source] = ()) -> Taken:
    """Back up what changed since the last backup, and prove it.

    Args:
        sources: further files, such as the settings; those that are not there are left out.

    Raises:
        GovpulseError: the warehouse is damaged, the disk is full, or what was written does not come back. Older backups stay.
    """
    copy_secret(home)
    (home.backups / CONTENT).mkdir(FOLDER, exist_ok=True)
    drop_unfinished(home.backups)
    earlier = list(manifests_in(home.backups).values())
    with warehouse(home, limits) as con:
        head = _head(con)
    work = _resumed(home, limits, [each for each in earlier if (each.timeline, each.migration) == (head.timeline, head.migration)])
    try:
        while not (last := _hold(work)):
            pass
        extras = _extras(work, earlier, [*sources, *_models(home), *last[1]])
    finally:
        drop_unfinished(home.backups)
    if (last[0].timeline, last[0].migration) != (head.timeline, head.migration):
        raise GovpulseError("the warehouse was restored or upgraded during the backup: back up again")
    parts = tuple(work.parts[each] for each in work.cut)
    number = 1 + max((newest_number(home), *(each.number for each in earlier)))
    manifest = Manifest(number, now, version=version("govpulse"), parts=parts, extras=extras, **vars(last[0]))
    return Taken(write_manifest(home.backups, manifest), manifest, work.written_bytes, max(work.holds))


@contextmanager
def backups_turn(home: Home, limits: Limits) -> Iterator[None]:
    """Nobody else makes, drops or checks backups inside the block."""
    home.make_folders()
    with fair_lock(home.private / "backups.lock", limits.lock_timeout_seconds):
        yield


def drop_unfinished(folder: Path) -> None:
    """Delete what a backup left that did not come to its end. For who has the turn."""
    for leftover in folder.glob("*.tmp"):
        leftover.unlink()


def _head(con: duckdb.DuckDBPyConnection) -> _Head:
    installation, timeline = values_of(con, "ops.installation", "installation", "timeline")[0]
    migration = greatest(con, "ops.schema_migrations", "version")
    forgets = count_rows(con, "ops.audit_log", "action = 'forget'")
    return _Head(installation, timeline, migration, generation(con), committed_number(con) or 0, forgets)


def _resumed(home: Home, limits: Limits, earlier: Sequence[Manifest]) -> _Work:
    """With what the last backup has and need not be written again, unless its file is gone."""
    known = [part for manifest in earlier[-1:] for part in manifest.parts if is_there(home.backups, part.file)]
    return _Work(home, limits, [slice_of(part) for part in known], {slice_of(part): part for part in known})


def _hold(work: _Work) -> tuple[_Head, list[Source]] | None:
    """Hold the warehouse for a few slices; returns how it stands, and the landing files that wait, once none is left."""
    require_room(work.home.backups, LEAST_BYTES, "the backup")
    written: list[tuple[Slice, Path, Sums]] = []
    with warehouse(work.home, work.limits) as con:
        began = time.monotonic()
        work.cut = slices_of(con, work.cut)
        missing = [each for each in work.cut if each not in work.parts]
        for number, each in enumerate(missing):
            if time.monotonic() - began > HOLD_SECONDS and len(work.holds) < MOST_HOLDS:
                break
            path = work.home.backups / f"{number:06d}.tmp"
            written.append((each, path, _exported(con, each, path)))
        last = (_head(con), _waiting(work.home)) if len(written) == len(missing) else None
        work.holds.append(time.monotonic() - began)
    with closing(connect(work.limits)) as con:
        for each, path, sums in written:
            work.parts[each] = _proven(con, work, each, path, sums)
    return last


def _exported(con: duckdb.DuckDBPyConnection, each: Slice, path: Path) -> Sums:
    try:
        return export(con, each, path)
    except (duckdb.Error, OSError) as error:
        what_to_do = remedy(path.parent) if is_about_room(error) else f"older backups stay; {REMEDY}"
        raise GovpulseError(f"cannot back up {each.table}: {first_line(error)}; {what_to_do}") from error


def _proven(con: duckdb.DuckDBPyConnection, work: _Work, each: Slice, path: Path, sums: Sums) -> Part:
    drop_from_memory(path)
    prove(con, each, path, sums)
    name = each.table + (f"/{each.start:%Y-%m-%dT%H%M%S}" if each.start else "/all")
    stored = settle(path, work.home.backups, name, ".parquet")
    work.written_bytes += stored.bytes
    return Part(each.table, each.start, each.end, each.generation, *sums, stored)


def _models(home: Home) -> Iterator[Source]:
    return (Source("model", path.name, path) for path in sorted(home.models.glob("*")) if path.is_file() and path.suffix != ".tmp")


def _waiting(home: Home) -> list[Source]:
    return [Source("landing", f"{dataset}/{path.name}", path) for dataset in LANDED for path in pending(home, dataset)]


def _extras(work: _Work, earlier: Sequence[Manifest], sources: Iterable[Source]) -> tuple[Extra, ...]:
    known = {(each.kind, each.name, each.file.sha256): each for manifest in earlier[-1:] for each in manifest.extras}
    return tuple(extra for source in sources if (extra := _extra(work, known, source)) is not None)


def _extra(work: _Work, known: Mapping[tuple[str, str, str], Extra], source: Source) -> Extra | None:
    """The file in the backup; None where it is gone, as a landing file is once it is loaded."""
    path = work.home.backups / "extra.tmp"
    try:
        path.touch(FILE)
        shutil.copyfile(source.path, path)
    except FileNotFoundError:
        return None
    drop_from_memory(path)
    same = known.get((source.kind, source.name, sha256_of(path)))
    if same is not None and is_there(work.home.backups, same.file):
        return same
    name = f"{source.kind}/{source.name.replace('/', '_')}"
    stored = settle(path, work.home.backups, name, "")
    work.written_bytes += stored.bytes
    return Extra(source.kind, source.name, stored)
