"""A backup in the place of the warehouse: what lies there is set aside first, and what is lost is said by table.

Killed in between, either the old file lies there or none, and then nothing opens until the restore is done again.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from storage.access import FOLDER
from storage.backups import backups, copy_to_disk, damage_in, made_at
from storage.catalogue import TABLES, Table
from storage.changes import stored_tables
from storage.errors import GovpulseError
from storage.home import Home
from storage.landing import sync_folder
from storage.room import require_room
from storage.warehouse import attach, connect
from storage.warehouse_mark import forget_mark, wal_of

TOLD = ("ops.runs", "ops.loads", "ops.rejected_rows", "ops.audit_log", "ops.forgotten")
"""Of our own books those that nobody can make anew."""


@dataclass(frozen=True)
class Difference:
    """A table of the backup beside the one that is set aside.

    Attributes:
        rows: in the backup.
        lost: rows that the warehouse had more; None where it cannot be read.
        until: the latest instant of the rows in the backup, where the table has one.
        last: the same of the warehouse.
    """

    table: str
    rows: int
    lost: int | None
    until: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Restored:
    """Which backup was put back, when it was made, which ones are damaged, how it differs from what was there, and how many people
    have been forgotten since, who are in it."""

    backup: Path
    made_at: datetime
    damaged: tuple[str, ...]
    differences: tuple[Difference, ...]
    forgotten: int
    set_aside: Path | None


def restore(home: Home, now: datetime, *, at: datetime | None = None, keeps: bool = True) -> Restored:
    """Put the newest sound backup back, for who has the warehouse's turn.

    Args:
        at: the newest of those made until then.
        keeps: change something; otherwise only say what would be.

    Raises:
        GovpulseError: there is no sound backup, or no room for it.
    """
    chosen, damaged = _newest_sound(home, at)
    here, there = _content(home.warehouse), _content(chosen)
    if there is None:
        raise GovpulseError(f"{chosen} cannot be read; choose an older one with --at")
    differences = _differences(there, here)
    forgotten = max(0, _forgets(home.warehouse) - _forgets(chosen))
    aside = _put_back(home, chosen, now) if keeps else None
    return Restored(chosen, made_at(chosen), damaged, differences, forgotten, aside)


def _newest_sound(home: Home, at: datetime | None) -> tuple[Path, tuple[str, ...]]:
    damaged: list[str] = []
    for backup in reversed(backups(home)):
        if at is not None and made_at(backup) > at:
            continue
        problem = damage_in(backup)
        if not problem:
            return backup, tuple(damaged)
        damaged.append(f"{backup.name} is damaged, {problem}")
    until = f" made until {at:%Y-%m-%d %H:%M}" if at else ""
    said = f": {'; '.join(damaged)}" if damaged else ""
    raise GovpulseError(f"there is no sound backup in {home.backups}{until}{said}; nothing was changed")


def _put_back(home: Home, backup: Path, now: datetime) -> Path | None:
    home.set_aside.mkdir(FOLDER, parents=True, exist_ok=True)
    fresh = home.set_aside / "warehouse.restoring"
    require_room(home.set_aside, backup.stat().st_size, "the restore")
    try:
        copy_to_disk(backup, fresh)
        if problem := damage_in(fresh):
            raise GovpulseError(f"the copy of {backup.name} is damaged, {problem}; nothing was changed")
        aside = _set_aside(home, now)
        forget_mark(home.warehouse)
        os.replace(fresh, home.warehouse)
        sync_folder(home.private)
    finally:
        fresh.unlink(missing_ok=True)
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


def _forgets(path: Path) -> int:
    try:
        with _looking_at(path) as con:
            return int(con.sql("SELECT count(*) FROM looked_at.ops.audit_log WHERE action = 'forget'").fetchall()[0][0])
    except (GovpulseError, duckdb.Error, OSError):
        return 0


def _tables_of(con: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    found = con.sql("SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'looked_at'").fetchall()
    there = {name for (name,) in found}
    return {name: table for name, table in stored_tables().items() if name in there}


def _rows(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> tuple[int, datetime | None]:
    column = "as_of" if name.startswith("history.") else instant_of(table)
    latest = f"max({column})" if column else "CAST(NULL AS TIMESTAMPTZ)"
    rows, until = con.sql(f"SELECT count(*), {latest} FROM looked_at.{name}").fetchall()[0]
    return int(rows), until


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
