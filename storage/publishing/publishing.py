"""The file that users open: a fresh copy of the published tables, put in the old one's place atomically.

Whoever has the old file open keeps reading it; whoever opens it next sees the new one. Nobody ever sees half of one.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from storage.access import close_folder
from storage.catalogue import MACROS, PUBLISHED, Table
from storage.catalogue.people import is_about_people
from storage.durable import sync_file, sync_folder
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.people.without_people import People, copy_without_people, find_people
from storage.publishing.audience import EVERYBODY, Audience
from storage.quoting import quote_text
from storage.room import require_room
from storage.warehouse import attach


def publish(con: duckdb.DuckDBPyConnection, home: Home, audience: Audience = EVERYBODY) -> int:
    """Write and swap in the published file from the warehouse that `con` holds; returns its size in bytes.

    It is written where only we can look, and gets its readers before its name. So does whatever is in the report.

    Raises:
        GovpulseError: the file cannot be written; the old one stays.
    """
    _sweep(home)
    fresh = home.publishing / home.published.name
    try:
        require_room(home.root, home.published.stat().st_size if home.published.exists() else 0, "the new file")
        close_folder(home.publishing)
        _write(con, fresh, audience)
        sync_file(fresh)
        size = fresh.stat().st_size
        audience.admit(fresh)
        # What a user wrote into the old file and never checkpointed would be replayed into the new one.
        home.published.with_name(home.published.name + ".wal").unlink(missing_ok=True)
        os.replace(fresh, home.published)
        sync_folder(home.root)
        audience.admit_all(home.report)
    except (OSError, duckdb.Error, GovpulseError) as error:
        raise GovpulseError(f"cannot publish {home.published}: {first_line(error)}; the old file stays") from error
    finally:
        _sweep(home)
    return size


def _sweep(home: Home) -> None:
    """Delete what a publisher left that did not come to its end; there is one at a time."""
    shutil.rmtree(home.publishing, ignore_errors=True)
    for orphan in home.root.glob(".govpulse.duckdb.[0-9]*"):  # of a version that wrote them beside the published file
        orphan.unlink(missing_ok=True)


def _write(con: duckdb.DuckDBPyConnection, path: Path, audience: Audience) -> None:
    tables = {name: table for name, table in _published() if audience.sees_people or not is_about_people(table)}
    people = None if audience.sees_people else find_people(con, tables)
    attach(con, path, "published")
    try:
        con.execute("BEGIN")
        for schema in sorted({name.split(".")[0] for name, _ in _published()}):
            con.execute(f"CREATE SCHEMA published.{schema}")
        for name, table in tables.items():
            _copy(con, table, name, people)
        for macro in MACROS.values() if people is None else ():
            con.execute(macro.read_text())
        con.execute("COMMIT")
        con.execute("CHECKPOINT published")
    finally:
        con.execute("DETACH published")


def _published() -> Iterator[tuple[str, Table]]:
    for table in PUBLISHED:
        yield table.full_name, table
        if table.has_history:
            yield f"history.{table.name}", table


def _copy(con: duckdb.DuckDBPyConnection, table: Table, name: str, people: People | None) -> None:
    target = f"published.{name}"
    if people is None:
        con.execute(f"CREATE TABLE {target} AS FROM warehouse.{name}")
    else:
        copy_without_people(con, table, name, target, people)
    con.execute(f"COMMENT ON TABLE {target} IS {quote_text(table.description)}")
    for column in table.columns:
        con.execute(f"COMMENT ON COLUMN {target}.{column.name} IS {quote_text(column.description)}")
