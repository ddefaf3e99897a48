"""A backup's rows in a new warehouse."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from storage.access import FOLDER
from storage.backups.exporting import copy_to_disk, is_damaged
from storage.backups.manifest import Extra, Manifest, Part
from storage.errors import GovpulseError
from storage.home import Home
from storage.journal.files import LANDED
from storage.migrations import migrate, migrations
from storage.migrations.declared import make_as_stored
from storage.quoting import quote_text
from storage.relations import count_rows, empty, table_names
from storage.transaction import transaction

MIGRATIONS = "ops.schema_migrations"
"""Where its file is damaged, what the new warehouse has been through stays: it is the same."""


@dataclass(frozen=True)
class Missing:
    """Rows of a backup that cannot be read: of which table, between which instants of its day column, and how many."""

    table: str
    start: datetime | None
    end: datetime | None
    rows: int


def damaged_files(folder: Path, manifest: Manifest) -> frozenset[str]:
    """The paths of a backup's files that are missing, or are not what was written. Reads all of them."""
    return frozenset(file.path for file in manifest.files if is_damaged(folder, file))


def fill(
    con: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest, now: datetime, damaged: Iterable[str] = ()
) -> tuple[Missing, ...]:
    """Make the tables in the new warehouse of `con` as they were at the time of the backup, fill them, and bring them up to date;
    returns what could not be, because its files are damaged.

    Raises:
        GovpulseError: a newer govpulse made the backup, or not all rows come back.
    """
    if manifest.migration not in migrations():
        newer = f"backup {manifest.number} was made by a newer govpulse ({manifest.version})"
        raise GovpulseError(f"{newer}; upgrade govpulse; nothing was changed")
    migrate(con, now, until=manifest.migration)
    broken = [part for part in manifest.parts if part.file.path in set(damaged)]
    parts: dict[str, list[Part]] = {}
    for part in manifest.parts:
        if part not in broken:
            parts.setdefault(part.table, []).append(part)
    con.execute("SET preserve_insertion_order = false")
    with transaction(con):
        _empty(con, but=() if MIGRATIONS in parts else (MIGRATIONS,))
        for name, of_table in parts.items():
            _fill_table(con, folder, name, of_table)
    con.execute("RESET preserve_insertion_order")
    migrate(con, now)
    return tuple(Missing(part.table, part.start, part.end, part.rows) for part in broken)


def put_files_back(home: Home, folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Put settings, models and landing files back that were in the backup and are not there; returns their names.

    What cannot be put where it was is left out: another machine has other folders.
    """
    put = []
    for extra in manifest.extras:
        target = {"model": home.models, "landing": home.landing}.get(extra.kind, Path()) / extra.name
        if not target.exists() and not is_damaged(folder, extra.file) and not _is_loaded(home, extra):
            with suppress(OSError):
                target.parent.mkdir(FOLDER, parents=True, exist_ok=True)
                copy_to_disk(folder / extra.file.path, target)
                put.append(extra.name)
    return tuple(put)


def _is_loaded(home: Home, extra: Extra) -> bool:
    """Whether a landing file is kept already, as one that the journal has loaded."""
    return extra.kind == "landing" and any(home.journal.glob(f"*/{LANDED}/{extra.name}"))


def _empty(con: duckdb.DuckDBPyConnection, but: tuple[str, ...]) -> None:
    """Take out what migrations put there: tables without a row are not in the backup."""
    for name in table_names(con):
        if name not in but:
            empty(con, name)


def _fill_table(con: duckdb.DuckDBPyConnection, folder: Path, name: str, parts: list[Part]) -> None:
    """The rows as they were; what is noted of changes is as of the backup, too. A table that no migration makes has the
    columns that it had."""
    files = ", ".join(quote_text(str(folder / part.file.path)) for part in parts)
    source = f"read_parquet([{files}], hive_partitioning = false, union_by_name = true)"
    make_as_stored(con, name, source)
    types, stored = _types(con, name), _types(con, f"(FROM {source})")
    names = [column for column in types if column in stored]
    values = [column if types[column] == stored[column] else f"CAST({column} AS {types[column]})" for column in names]
    con.execute(f"INSERT INTO {name} ({', '.join(names)}) SELECT {', '.join(values)} FROM {source}")
    rows, expected = count_rows(con, name), sum(part.rows for part in parts)
    if rows != expected:
        raise GovpulseError(f"the backup has {expected:,} rows of {name}, but {rows:,} were restored")


def _types(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.sql(f"DESCRIBE SELECT * FROM {relation}").fetchall()}
