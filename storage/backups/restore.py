"""A backup in the place of the warehouse: what lies there is set aside first, and what is lost is said by table.

All is done on a new file, which takes the warehouse's place in the end. Killed in between, either the old file lies there or none,
and then nothing opens until the restore is done again.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from storage.access import FOLDER, close
from storage.backups.exporting import copy_to_disk
from storage.backups.filling import Missing, damaged_files, fill, put_files_back
from storage.backups.manifest import Manifest, damaged_manifests, manifests_in
from storage.backups.whole_files import damage_in, made_at, number_of, whole_files
from storage.catalogue import TABLES, Table
from storage.changes import stored_tables
from storage.durable import sync_file, sync_folder
from storage.errors import GovpulseError
from storage.home import Home
from storage.installation import new_timeline
from storage.journal.replay import Replayed, replay
from storage.limits import Limits
from storage.migrations import migrate
from storage.relations import count_rows, greatest, table_names
from storage.rewriting import rewrite
from storage.room import error_of_disk, is_about_room, require_room
from storage.warehouse import attach, connect
from storage.wholeness.mark import forget_mark, wal_of

TOLD = ("ops.runs", "ops.loads", "ops.rejected_rows", "ops.audit_log", "ops.forgotten")
"""Of our own books those that nobody can make anew."""
TIMES_OF_FILES = 4
"""So many times the bytes of its compressed files a warehouse takes, more than most do."""


@dataclass(frozen=True)
class Difference:
    """A table as it was put back beside the one that is set aside.

    Attributes:
        rows: put back.
        lost: rows that the warehouse had more; None where it cannot be read.
        until: the latest instant of the rows put back, where the table has one.
        last: the same of the warehouse.
    """

    table: str
    rows: int
    lost: int | None
    until: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Choice:
    """A backup that can be put back: a manifest in a folder, or a whole file.

    Attributes:
        damaged: paths of its files that are, where no sound one is to be had.
    """

    number: int
    made_at: datetime
    path: Path
    manifest: Manifest | None = None
    damaged: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Restored:
    """What was put back.

    Attributes:
        problems: backups that were passed over, and why.
        missing: rows that could not be read.
        replayed: of the journal, what was done since.
        files: other files that were not there and were put back.
        set_aside: where the warehouse went that was there.
    """

    backup: Choice
    problems: tuple[str, ...]
    missing: tuple[Missing, ...]
    differences: tuple[Difference, ...]
    replayed: Replayed
    files: tuple[str, ...]
    set_aside: Path | None


def restore(
    home: Home, limits: Limits, now: datetime, *, at: datetime | None = None, keeps: bool = True, folder: Path | None = None
) -> Restored:
    """Put the newest sound backup back, and what the journal has since, for who has the warehouse's turn.

    Args:
        at: the newest of those made until then; of what people did by hand nothing comes back that is later.
        keeps: change something; otherwise only say what would be.
        folder: where the backups are; those of the home by default.

    Raises:
        GovpulseError: there is no backup, or no room for it.
    """
    chosen, problems = _chosen(home, folder or home.backups, at)
    home.set_aside.mkdir(FOLDER, parents=True, exist_ok=True)
    fresh = home.set_aside / "warehouse.restoring"
    _drop(fresh)
    here = _content(home.warehouse)
    try:
        missing, replayed = _make(home, limits, chosen, fresh, now, at, keeps=keeps)
        there = _content(fresh) or {}
        aside = _put_in_place(home, fresh, now) if keeps else None
    except (duckdb.Error, OSError) as error:
        if not is_about_room(error):
            raise
        raise error_of_disk(error, home.private) from error
    finally:
        _drop(fresh)
    files = put_files_back(home, chosen.path.parent, chosen.manifest) if keeps and chosen.manifest else ()
    return Restored(chosen, problems, missing, _differences(there, here), replayed, files, aside)


def _drop(fresh: Path) -> None:
    for path in (fresh, wal_of(fresh)):
        path.unlink(missing_ok=True)


def _chosen(home: Home, folder: Path, at: datetime | None) -> tuple[Choice, tuple[str, ...]]:
    """The newest sound one; where there is none, the newest that can be read in part."""
    problems = [f"{name} cannot be read" for name in damaged_manifests(folder)]
    partial: list[Choice] = []
    for choice in reversed([*_whole(home), *_with_manifest(folder)]):
        if at is not None and choice.made_at > at:
            continue
        if choice.manifest is None:
            problem = damage_in(choice.path)
        else:
            damaged = damaged_files(folder, choice.manifest)
            problem = f"{len(damaged):,} of {len(choice.manifest.files):,} files" if damaged else ""
            partial.append(Choice(choice.number, choice.made_at, choice.path, choice.manifest, damaged))
        if not problem:
            return choice, tuple(problems)
        problems.append(f"{choice.path.name} is damaged, {problem}")
    if partial:
        return partial[0], tuple(problems)
    until = f" made up to {at:%Y-%m-%d %H:%M}" if at else ""
    said = f": {'; '.join(problems)}" if problems else ""
    raise GovpulseError(
        f"there is no intact backup in {folder}{until}{said}; nothing was changed; `--from` fetches those of the second destination"
    )


def _whole(home: Home) -> Iterator[Choice]:
    return (Choice(number_of(path), made_at(path), path) for path in whole_files(home))


def _with_manifest(folder: Path) -> Iterator[Choice]:
    return (Choice(each.number, each.made_at, path, each) for path, each in manifests_in(folder).items())


def _make(
    home: Home, limits: Limits, chosen: Choice, fresh: Path, now: datetime, at: datetime | None, *, keeps: bool
) -> tuple[tuple[Missing, ...], Replayed]:
    """The new file, up to date."""
    folder = chosen.path.parent
    missing: tuple[Missing, ...] = ()
    if chosen.manifest is None:
        require_room(fresh, chosen.path.stat().st_size, "the restore")
        copy_to_disk(chosen.path, fresh)
        if problem := damage_in(fresh):
            raise GovpulseError(f"the copy of {chosen.path.name} is damaged, {problem}; nothing was changed")
    else:
        require_room(fresh, TIMES_OF_FILES * sum(part.file.bytes for part in chosen.manifest.parts), "the restore")
    con = connect(limits, spill=home.spill)
    try:
        attach(con, fresh, "warehouse")
        close(fresh)
        con.execute("USE warehouse")
        if chosen.manifest is not None:
            missing = fill(con, folder, chosen.manifest, now, chosen.damaged)
        migrate(con, now)
        new_timeline(con)
        replayed = replay(con, home, until=at, keeps=keeps)
        con.execute("CHECKPOINT")
    finally:
        con.close()
    if replayed.needs_rewriting:
        rewrite(limits, fresh)
    return missing, replayed


def _put_in_place(home: Home, fresh: Path, now: datetime) -> Path | None:
    sync_file(fresh)
    aside = _set_aside(home, now)
    forget_mark(home.warehouse)
    os.replace(fresh, home.warehouse)
    sync_folder(home.private)
    return aside


def _set_aside(home: Home, now: datetime) -> Path | None:
    """File and log, the file first: a log alone is never opened."""
    there = [path for path in (home.warehouse, wal_of(home.warehouse)) if path.exists()]
    if not there:
        return None
    folder = home.set_aside / f"{now:%Y%m%dT%H%M%SZ}"
    folder.mkdir(FOLDER, parents=True, exist_ok=True)
    for path in there:
        os.replace(path, folder / path.name)
    sync_folder(folder)
    return folder


Content = dict[str, tuple[int, datetime | None]]
"""By table: rows, and the latest instant among them."""


@contextmanager
def _looking_at(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse file as `looked_at`, without its log: beside a link of another name there is none."""
    con, link = connect(), path.with_name(f".{path.name}.look")
    try:
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        attach(con, link, "looked_at", read_only=True)
        yield con
    finally:
        con.close()
        link.unlink(missing_ok=True)


def _content(path: Path) -> Content | None:
    """What is in a warehouse file; None where it cannot be read."""
    try:
        with _looking_at(path) as con:
            return {name: _rows(con, name, table) for name, table in _tables_of(con).items()}
    except (GovpulseError, duckdb.Error, OSError):
        return None


def _tables_of(con: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    there = table_names(con, "looked_at")
    return {name: table for name, table in stored_tables().items() if name in there}


def _rows(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> tuple[int, datetime | None]:
    column = "as_of" if name.startswith("history.") else instant_of(table)
    stored = f"looked_at.{name}"
    return count_rows(con, stored), greatest(con, stored, column) if column else None


def instant_of(table: Table) -> str | None:
    """The column that tells how far a table goes."""
    names = ("extracted_at", "done_at", "created_at", "updated_at", "as_of")
    return table.time_column or next((name for name in names if name in table.column_names), None)


def _differences(there: Content, here: Content | None) -> tuple[Difference, ...]:
    return tuple(
        Difference(
            name,
            rows,
            None if here is None else max(0, here.get(name, (0, None))[0] - rows),
            until,
            None if here is None else here.get(name, (0, None))[1],
        )
        for name, (rows, until) in sorted(there.items(), key=lambda item: list(stored_tables()).index(item[0]))
        if name in TABLES and (TABLES[name].schema in ("raw", "alerts") or name in TOLD)
    )
