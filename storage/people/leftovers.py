"""Files of the home that are no table: those that name somebody go, where they can be made anew or nobody can read them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.backups.manifest import CONTENT
from storage.catalogue import LANDED
from storage.home import INSTALLATION, Home
from storage.people.person import Person, spellings
from storage.people.searching import UndecodableError, names

NEARBY = 300
"""Bytes beside an id that tell where it begins and ends."""


@dataclass(frozen=True)
class Leftovers:
    """Files that named somebody: those deleted, those that cannot be decoded, and those that are not ours to delete."""

    deleted: tuple[Path, ...] = ()
    undecodable: tuple[Path, ...] = ()
    left: tuple[Path, ...] = ()


def take_out(home: Home, people: Sequence[Person]) -> Leftovers:
    """Delete damaged warehouses that were set aside, and what names them among the files that govpulse made and can do without;
    find the others that do.

    The warehouse, what is made of it, and Prefect's database are others' care. Nobody may be listing keys meanwhile.
    """
    deleted: list[Path] = []
    undecodable: list[Path] = []
    left: list[Path] = []
    for path in _files(home):
        try:
            if path.is_relative_to(home.set_aside) or names(path, people):  # DuckDB packs texts: nobody can look into these
                (deleted if _may_go(home, path) else left).append(path)
        except FileNotFoundError:  # whoever wrote it took it away
            continue
        except UndecodableError:
            undecodable.append(path)
    for path in _with_their_index(home, deleted):
        path.unlink(missing_ok=True)
    return Leftovers(tuple(deleted), tuple(undecodable), tuple(left))


def _files(home: Home) -> Iterator[Path]:
    for path in sorted(home.root.rglob("*")):
        if path.is_file() and not path.is_symlink() and not _is_seen_to(home, path):
            yield path


def _is_seen_to(home: Home, path: Path) -> bool:
    """Whether others take care of it: tables, files that the loader takes in as soon as they are whole, and a secret without which
    everybody would be somebody else, and an id of ours, whatever their digits happen to say."""
    if path.parent.parent == home.landing and path.parent.name in LANDED:
        return path.suffix == ".parquet" or _is_being_written(path)
    if path.is_relative_to(home.backups / CONTENT) or path.is_relative_to(home.journal):  # it goes with the backups
        return True
    if path.parent in (home.backups, home.prefect):
        return any(map(path.match, ("warehouse-*.duckdb", "manifest-*.json"))) or path.name.startswith("prefect.db")
    if path.name == INSTALLATION:
        return True
    tables, secrets = (home.warehouse, home.published, home.sample), (home.person_secret, home.kept_person_secret)
    return path in (*tables, *secrets, home.reserve) or path in {table.with_name(f"{table.name}.wal") for table in tables}


def _may_go(home: Home, path: Path) -> bool:
    """Whether it can be made anew, nobody can read it, or whoever wrote it has ended."""
    folders = [home.landing, home.quarantine, home.private, home.plots.parent, home.prefect / "storage"]
    return any(path.is_relative_to(folder) for folder in folders) or (path.parent == home.backups and path.suffix == ".tmp")


def _is_being_written(path: Path) -> bool:
    """A landing file says whose it is until it is whole: `.name.pid.tmp`."""
    try:
        os.kill(int(path.stem.rpartition(".")[2]), 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _with_their_index(home: Home, deleted: Sequence[Path]) -> set[Path]:
    """The plots are shown together: where one goes all go, until they are drawn anew."""
    if not any(path.is_relative_to(home.plots) for path in deleted):
        return set(deleted)
    return {*deleted, *(path for path in home.plots.iterdir() if path.is_file())}


def blacken(path: Path, people: Sequence[Person]) -> int:
    """Write over the people in a log that others write to: in place, so that no line of theirs is lost. Returns how often."""
    content, found = path.read_bytes(), 0
    with path.open("rb+") as file:
        for person in people:
            for at, length in _places(content, person):
                file.seek(at)
                file.write(b"*" * length)
                found += 1
    return found


def _places(content: bytes, person: Person) -> Iterator[tuple[int, int]]:
    for mark in spellings(person.user_id):
        is_plain = mark == person.user_id.encode()
        at = content.find(mark)
        while at >= 0:
            end = at + len(mark)
            before, after = content[max(0, at - NEARBY) : at], content[end : end + NEARBY]
            if not is_plain or person.is_between(before.decode(errors="replace"), after.decode(errors="replace")):
                yield at, len(mark)
            at = content.find(mark, at + 1)
