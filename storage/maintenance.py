"""Keeping the warehouse small and sound: retention, compaction, verification."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from storage.access import close
from storage.catalogue import TABLES, Table
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.journal import note_act
from storage.landing import sync_folder
from storage.room import require_room
from storage.transaction import transaction
from storage.warehouse import attach, connect
from storage.warehouse_mark import announce, checkpoint
from storage.write import remove

COMPACT_AT_FREE_RATIO = 0.25


@dataclass(frozen=True)
class CheckResult:
    """One thing verified."""

    name: str
    is_ok: bool
    detail: str


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
    size = con.sql("SELECT free_blocks, total_blocks FROM pragma_database_size() WHERE database_name = 'warehouse'")
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
        con.execute("COPY FROM DATABASE warehouse TO compacted")
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


def verify(con: duckdb.DuckDBPyConnection, backup: Path) -> list[CheckResult]:
    """Keys that must be unique are, and the backup opens and holds the warehouse's rows."""
    return [*(_unique_key(con, name) for name in TABLES if TABLES[name].key), _same_counts(con, backup)]


def _unique_key(con: duckdb.DuckDBPyConnection, name: str) -> CheckResult:
    keys = ", ".join(TABLES[name].key)
    doubled = con.sql(f"SELECT count(*) FROM (SELECT 1 FROM {name} GROUP BY {keys} HAVING count(*) > 1)").fetchall()[0][0]
    return CheckResult(f"unique key of {name}", doubled == 0, f"{doubled} keys doubled" if doubled else "no key doubled")


def _same_counts(con: duckdb.DuckDBPyConnection, backup: Path) -> CheckResult:
    count = " UNION ALL ".join(f"SELECT '{name}' AS name, count(*) AS rows FROM {name}" for name in TABLES)
    here = con.sql(count).fetchall()
    copy = connect()
    try:
        attach(copy, backup, "warehouse", read_only=True)
        copy.execute("USE warehouse")
        there = copy.sql(count).fetchall()
    except (GovpulseError, duckdb.Error) as error:
        return CheckResult("backup", False, f"{backup.name} does not open: {first_line(error)}")
    finally:
        copy.close()
    rows = sum(rows for _, rows in here)
    return CheckResult("backup", here == there, f"{backup.name}: {sum(r for _, r in there):,} of {rows:,} rows")
