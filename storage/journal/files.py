"""The journal's files: segments of entries, a line each with its checksum, and the landing files that were loaded meanwhile.

`journal/000001/entries.ndjson` and `journal/000001/landed/<dataset>/<file>.parquet`. A segment is begun with each backup, and goes
when no backup needs it any more. Entries count up over all segments. Each says which one was the last committed before it, so that
what was written and never committed, or has been given up since for an older warehouse, is told from what counts.
"""

import errno
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from storage.access import FOLDER, owner_only
from storage.durable import sync_folder
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing_names import checksum
from storage.room import is_about_room, remedy, with_reserve

ENTRIES = "entries.ndjson"
LANDED = "landed"
CHECKSUM = 8
"""Hexadecimal digits at the beginning of a line."""
WINDOW = 2**16
"""Bytes that are read from a file's end first: most entries are shorter."""
Did = dict[str, Any]
"""One thing that a transaction did: rows put, keys removed, files loaded, or an act by its name."""


@dataclass(frozen=True)
class Entry:
    """What one transaction did, in order.

    Attributes:
        number: counts up over all segments.
        after: the number of the one that was committed before it.
        at: when it was written.
        migration: the newest that the warehouse had been through.
    """

    number: int
    after: int
    at: datetime
    migration: int
    did: tuple[Did, ...]


@dataclass(frozen=True)
class End:
    """How a file of entries ends: its last whole entry, from where to where that goes, and how many bytes there are."""

    entry: Entry | None
    start: int
    end: int
    size: int
    is_ended: bool
    """Whether the last line ends with a line break."""


def written(entry: Entry) -> bytes:
    """The entry as a line."""
    said = {"number": entry.number, "after": entry.after, "at": entry.at.isoformat(), "migration": entry.migration}
    content = json.dumps(said | {"did": entry.did}, ensure_ascii=False, separators=(",", ":"), default=_as_text).encode()
    return b"%08x %s\n" % (zlib.crc32(content), content)


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def read(line: bytes) -> Entry | None:
    """The entry of a line; None where it is not whole. What stands in the place of its line break does not matter."""
    known, content = line[:CHECKSUM], line[CHECKSUM + 1 :].removesuffix(b"\n")
    if line[CHECKSUM : CHECKSUM + 1] != b" ":
        return None
    whole = next((each for each in (content, content[:-1]) if b"%08x" % zlib.crc32(each) == known), None)
    if whole is None:
        return None
    said = json.loads(whole)
    at = datetime.fromisoformat(said["at"])
    return Entry(said["number"], said["after"], at, said["migration"], tuple(said["did"]))


def segments(home: Home) -> list[int]:
    """The numbers of those there are, the oldest first."""
    return sorted(int(path.name) for path in home.journal.glob("[0-9]*") if path.name.isdigit())


def entries_of(home: Home, segment: int) -> Path:
    """The file of a segment's entries."""
    return _folder(home, segment) / ENTRIES


def _folder(home: Home, segment: int) -> Path:
    return home.journal / f"{segment:06d}"


def current_segment(home: Home) -> int:
    """The one that is written to; the first is begun where there is none."""
    found = segments(home)
    return found[-1] if found else begin_segment(home)


def begin_segment(home: Home) -> int:
    """Begin a segment, for who has the warehouse's turn; returns its number. What is committed from now on is in it.

    Raises:
        GovpulseError: it cannot be written.
    """
    segment = max(segments(home), default=0) + 1
    folder = _folder(home, segment)

    def begin() -> None:
        home.journal.mkdir(FOLDER, parents=True, exist_ok=True)
        folder.mkdir(FOLDER, exist_ok=True)
        (folder / LANDED).mkdir(FOLDER, exist_ok=True)
        os.close(owner_only(str(folder / ENTRIES), os.O_WRONLY | os.O_CREAT))
        sync_folder(folder)
        sync_folder(home.journal)

    try:
        with_reserve(home, begin)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return segment


def drop_segments_before(home: Home, segment: int) -> list[int]:
    """Delete the older segments, with the landing files in them, for when a proven backup has what is in them; returns which."""
    outdated = [each for each in segments(home)[:-1] if each < segment]
    for each in outdated:
        shutil.rmtree(_folder(home, each))
    return outdated


def segment_after(home: Home, number: int) -> int:
    """The first segment of which a backup is in need that ends with the entry `number`."""
    found = segments(home)
    needed = (each for each in found if (entry := end_of(entries_of(home, each)).entry) and entry.number > number)
    return next(needed, found[-1] if found else 0)


def cannot_write(path: Path, error: OSError) -> GovpulseError:
    """That nothing was changed, for the journal could not be written."""
    what_to_do = remedy(path) if is_about_room(error) else "free or remount the disk"
    return GovpulseError(f"cannot write the journal {path}: {error.strerror or error}; nothing was changed; {what_to_do}")


def end_of(path: Path) -> End:
    """How a file of entries ends, read from its end."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return End(None, 0, 0, 0, is_ended=True)
    try:
        return _end_of(descriptor)
    finally:
        os.close(descriptor)


def _end_of(descriptor: int) -> End:
    size, window = os.fstat(descriptor).st_size, WINDOW
    while True:
        begin = max(0, size - window)
        content = os.pread(descriptor, size - begin, begin)
        is_ended = content.endswith(b"\n") or not size
        stop = len(content)
        while (start := _line_start(content, stop, is_first=begin == 0)) is not None:
            if entry := read(content[start:stop]):
                return End(entry, begin + start, begin + stop, size, is_ended)
            stop = start
        if begin == 0:
            return End(None, 0, 0, size, is_ended)
        window *= 8


def _line_start(content: bytes, stop: int, *, is_first: bool) -> int | None:
    """Where the line begins that ends at `stop`; None where that is before the content."""
    if stop == 0:
        return None
    found = content.rfind(b"\n", 0, stop - 1)
    return found + 1 if found >= 0 else 0 if is_first else None


def last_number(home: Home) -> int:
    """That of the newest whole entry; 0 where there is none."""
    found = (end_of(entries_of(home, segment)).entry for segment in reversed(segments(home)))
    return next((entry.number for entry in found if entry), 0)


def lines(home: Home, segment: int) -> Iterator[tuple[int, int, bytes]]:
    """A segment's lines: number, offset, and what is in them. The last one of all may be torn, and is left out if it is."""
    offset, path = 0, entries_of(home, segment)
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n") or read(line) or segment != segments(home)[-1]:
                yield number, offset, line
            offset += len(line)


def damage_in_journal(home: Home, *, reads_files: bool = True) -> list[str]:
    """What of the journal is not whole, by segment and line, and the kept landing files that are not as they were loaded.

    A last line that is torn is none: its transaction was never committed.
    """
    damage: list[str] = []
    found = segments(home)
    for segment in found:
        for number, _, line in lines(home, segment):
            entry = read(line)
            if entry is None:
                damage.append(f"line {number} of {entries_of(home, segment)} is damaged")
            elif reads_files:
                damage += _damaged_files(home, found, entry)
    return damage


def _damaged_files(home: Home, among: Sequence[int], entry: Entry) -> list[str]:
    loaded = [(f"{each['load']}/{name}", checksum) for each in entry.did for name, checksum in each.get("files", ())]
    return [why for each in loaded if (why := find_landed(home, among, *each)[1])]


def find_landed(home: Home, among: Iterable[int], name: str, content: str) -> tuple[Path | None, str]:
    """Where a loaded landing file lies, in a segment or, killed before it was kept, where it was landed; else why it is nowhere."""
    places = [*(_folder(home, each) / LANDED / name for each in among), home.landing / name]
    there = [place for place in places if place.is_file()]
    whole = next((place for place in there if checksum(place) == content), None)
    return whole, "" if whole else f"{there[0]} is damaged" if there else f"the kept file {name} is missing"


def keep_landed(home: Home, paths: Sequence[Path], segment: int | None = None) -> None:
    """Move landing files of one dataset that are loaded into a segment, the current one by default. One that lies there already
    stays as it is."""
    if not paths:
        return
    folder = _folder(home, segment or current_segment(home)) / LANDED / paths[0].parent.name

    def keep() -> None:
        folder.parent.mkdir(FOLDER, exist_ok=True)  # the second destination has no empty folders
        folder.mkdir(FOLDER, exist_ok=True)
        for path in paths:
            if (folder / path.name).exists():
                path.unlink(missing_ok=True)
            elif path.exists():
                _move(path, folder / path.name)
        sync_folder(folder)

    with_reserve(home, keep)


def keep_known(home: Home, paths: Sequence[Path]) -> None:
    """The same for files that had been loaded before, each in the segment whose entry names it.

    Of those that none names all backups have the rows, and they go: they came back from the second destination, and may name
    somebody who was forgotten since.
    """
    if not paths:
        return
    named = _loaded(home, paths[0].parent.name)
    for path in paths:
        if path.name in named:
            keep_landed(home, [path], named[path.name])
        else:
            path.unlink(missing_ok=True)


def _loaded(home: Home, dataset: str) -> dict[str, int]:
    """The segments by the names of a dataset's landing files that their entries have loaded."""
    read_lines = ((segment, read(line)) for segment in segments(home) for _, _, line in lines(home, segment))
    done = ((segment, did) for segment, entry in read_lines if entry for did in entry.did if did.get("load") == dataset)
    return {name: segment for segment, did in done for name, _ in did["files"]}


def _move(path: Path, target: Path) -> None:
    """A folder of the home may be a link to another disk."""
    try:
        os.replace(path, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_suffix(".tmp")
        with path.open("rb") as source, open(part, "wb", opener=owner_only) as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        os.replace(part, target)
        path.unlink()
