"""Keeping the warehouse small: retention and compaction."""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from storage.access import close
from storage.catalogue import TABLES, Table
from storage.durable import sync_folder
from storage.home import Home
from storage.journal.noting import note_act
from storage.relations import copy_database
from storage.room import require_room
from storage.sql_files import sql_beside
from storage.transaction import transaction
from storage.warehouse import attach
from storage.wholeness.mark import announce, checkpoint
from storage.write import remove

COMPACT_AT_FREE_RATIO = 0.25


def apply_retention(con: duckdb.DuckDBPyConnection, days: Mapping[str, int], now: datetime) -> dict[str, int]:
    """Delete rows older than their table's retention.

    Args:
        days: days by settings key (`Table.retention`); 0 keeps for ever.

    Returns:
        rows deleted by table, tables without a deletion left out.
    """
    deleted: dict[str, int] = {}
    for table in TABLES.values():
        kept = days.get(table.retention or "", 0)
        if kept:
            count = expire(con, table, now - timedelta(days=kept))
            deleted |= {table.full_name: count} if count else {}
    return deleted


def expire(con: duckdb.DuckDBPyConnection, table: Table, oldest: datetime) -> int:
    """Delete the table's rows from before `oldest`, in one transaction; returns how many."""
    with transaction(con):
        count = remove(con, table.full_name, f"{table.time_column} < $oldest", {"oldest": oldest})
        if count:
            note_act(con, "expire", table=table.full_name, oldest=oldest)
    return count


def free_ratio(con: duckdb.DuckDBPyConnection) -> float:
    """Share of the warehouse file's blocks that hold nothing."""
    checkpoint(con)
    size = con.execute(sql_beside(__file__, "statements/free_blocks"))
    free, total = size.fetchall()[0]
    return free / total if total else 0.0


def compact(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Rewrite the warehouse without its holes. `con` is left without a warehouse: close it next.

    A crash before the replace leaves the old file, after it the new one.
    """
    fresh = home.private / "warehouse.compacting"
    _drop_compacting(fresh)
    require_room(fresh, home.warehouse.stat().st_size, "the compaction")
    try:
        attach(con, fresh, "compacted")
        copy_database(con, "warehouse", "compacted")
        con.execute("CHECKPOINT compacted")
        con.execute("USE memory")
        con.execute("DETACH compacted")
        con.execute("DETACH warehouse")
        close(fresh)
        announce(home.warehouse, fresh)
        os.replace(fresh, home.warehouse)
    finally:
        _drop_compacting(fresh)
    sync_folder(home.private)


def _drop_compacting(fresh: Path) -> None:
    """What a compaction left that did not come to its end: on a full disk it would be what fills it."""
    for path in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        path.unlink(missing_ok=True)
