"""The journal and the landing files in the second place: a few minutes old at most, where a backup is a day."""

from pathlib import Path

from storage.destination import Destination, delete, fetch, push, sizes_in
from storage.home import Home
from storage.journal.files import LANDED, entries_of, segments

PREFIX = "journal"
"""Entries, as `journal/SEGMENT/entries.ndjson`."""
FILES = "landing"
"""Files that wait, and those that are kept since they were loaded: as `landing/DATASET/FILE` both, so that none is copied twice."""


def copy_journal(home: Home, destination: Destination) -> int:
    """Copy there what is not there yet; returns the bytes."""
    there = sizes_in(destination, PREFIX) | sizes_in(destination, FILES)
    files = {**_entries(home), **_landed(home)}
    return push(destination, {name: path for name, path in files.items() if there.get(name) != _size(path)})


def drop_journal(home: Home, destination: Destination) -> int:
    """Take away there what is not here any more, for when the newest backup has been copied; returns how many files."""
    kept = {**_entries(home), **_landed(home)}
    return delete(destination, [name for prefix in (PREFIX, FILES) for name in sizes_in(destination, prefix) if name not in kept])


def fetch_journal(destination: Destination, home: Home) -> int:
    """Copy here what is there, and not here or shorter here; returns the bytes. Files that were loaded wait again: the ledger knows
    them."""
    entries, landed = sizes_in(destination, PREFIX), sizes_in(destination, FILES)
    longer = {name: home.root / name for name, size in entries.items() if (_size(home.root / name) or 0) < size}
    known = _landed(home)
    return fetch(destination, longer | {name: home.root / name for name in landed if name not in known})


def _entries(home: Home) -> dict[str, Path]:
    found = (entries_of(home, segment) for segment in segments(home))
    return {f"{PREFIX}/{path.parent.name}/{path.name}": path for path in found if _size(path)}


def _landed(home: Home) -> dict[str, Path]:
    """A file that is being kept just now may be in both places: the same."""
    kept = home.journal.glob(f"*/{LANDED}/*/*.parquet")
    return {f"{FILES}/{path.parent.name}/{path.name}": path for path in (*home.landing.glob("*/*.parquet"), *kept)}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
