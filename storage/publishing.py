"""The file that users open: a fresh copy of the published tables, put in the old one's place atomically.

Whoever has the old file open keeps reading it; whoever opens it next sees the new one. Nobody ever sees half of one.
"""

import os
from pathlib import Path

import duckdb

from storage.catalogue import PUBLISHED, Table
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.landing import sync_folder
from storage.warehouse import attach, quote_text

ASK_EXPERT = Path(__file__).with_name("ask_expert.sql")
"""A table macro for users: whom to ask about a domain."""


def publish(con: duckdb.DuckDBPyConnection, home: Home) -> int:
    """Write and swap in the published file from the warehouse that `con` holds; returns its size in bytes.

    Raises:
        GovpulseError: the file cannot be written; the old one stays.
    """
    _sweep(home)
    fresh = home.root / f".govpulse.duckdb.{os.getpid()}"
    try:
        _write(con, fresh)
        _sync(fresh)
        size = fresh.stat().st_size
        # What a user wrote into the old file and never checkpointed would be replayed into the new one.
        home.published.with_name(home.published.name + ".wal").unlink(missing_ok=True)
        os.replace(fresh, home.published)
        sync_folder(home.root)
    except (OSError, duckdb.Error, GovpulseError) as error:
        _sweep(home)
        raise GovpulseError(f"cannot publish {home.published}: {first_line(error)}; the old file stays") from error
    return size


def _sweep(home: Home) -> None:
    """Delete what a publisher left that did not come to its end; there is one at a time."""
    for orphan in home.root.glob(".govpulse.duckdb.*"):
        orphan.unlink(missing_ok=True)


def _write(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    attach(con, path, "published")
    try:
        con.execute("BEGIN")
        for schema in sorted({table.schema for table in PUBLISHED} | {"history"}):
            con.execute(f"CREATE SCHEMA published.{schema}")
        for table in PUBLISHED:
            _copy(con, table, table.schema)
            if table.has_history:
                _copy(con, table, "history")
        con.execute(ASK_EXPERT.read_text())
        con.execute("COMMIT")
        con.execute("CHECKPOINT published")
    finally:
        con.execute("DETACH published")


def _copy(con: duckdb.DuckDBPyConnection, table: Table, schema: str) -> None:
    target = f"published.{schema}.{table.name}"
    con.execute(f"CREATE TABLE {target} AS FROM warehouse.{schema}.{table.name}")
    con.execute(f"COMMENT ON TABLE {target} IS {quote_text(table.description)}")
    for column in table.columns:
        con.execute(f"COMMENT ON COLUMN {target}.{column.name} IS {quote_text(column.description)}")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
