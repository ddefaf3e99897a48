"""Rows out of a damaged DuckDB file: whole tables, and of a table that cannot be read what lies beside the damage."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from storage.catalogue import TABLES
from storage.quoting import quote_name

GROUP_ROWS, VECTOR_ROWS = 122_880, 2_048
"""Of DuckDB: rows of a row group, and those of it that are read together."""


@dataclass(frozen=True)
class Loss:
    """Rows of a table that could not be read, with the instants of the table's time column between which they lie, where known."""

    table: str
    rows: int
    since: datetime | None = None
    until: datetime | None = None


def copy_table(con: duckdb.DuckDBPyConnection, name: str, columns: list[str]) -> list[Loss]:
    """Insert the rows of `damaged.name` into `fresh.name`; returns what could not be read.

    Raises:
        duckdb.FatalException: DuckDB has given up the connection.
    """
    names = ", ".join(map(quote_name, columns))
    insert = f"INSERT INTO fresh.{name} ({names}) SELECT {names} FROM damaged.{name}"
    if _succeeds(con, insert):
        return []
    last = con.execute(f"SELECT coalesce(max(rowid), -1) FROM damaged.{name}").fetchall()[0][0]
    read = f"SELECT bit_xor(hash({names})) FROM damaged.{name}"
    lost = merged(holes(range(last + 1), GROUP_ROWS, lambda rows: _succeeds(con, read + _within(rows))))
    for rows in between(lost, last + 1):
        con.execute(insert + _within(rows))
    return [_loss(con, name, hole) for hole in lost]


def _within(rows: range) -> str:
    return f" WHERE rowid >= {rows.start} AND rowid < {rows.stop}"


def holes(rows: range, size: int, is_readable: Callable[[range], bool]) -> Iterator[range]:
    """The ranges of rows that are not readable, by pieces of `size`, and these by the smallest there are."""
    for start in range(rows.start, rows.stop, size):
        piece = range(start, min(start + size, rows.stop))
        if is_readable(piece):
            continue
        if size == VECTOR_ROWS:
            yield piece
        else:
            yield from holes(piece, VECTOR_ROWS, is_readable)


def between(lost: list[range], end: int) -> list[range]:
    """What lies beside the ranges, up to `end`."""
    starts, stops = [0, *(hole.stop for hole in lost)], [*(hole.start for hole in lost), end]
    return [range(start, stop) for start, stop in zip(starts, stops, strict=True) if start < stop]


def merged(found: Iterator[range]) -> list[range]:
    """Neighbouring ranges as one."""
    joined: list[range] = []
    for each in found:
        if joined and joined[-1].stop == each.start:
            joined[-1] = range(joined[-1].start, each.stop)
        else:
            joined.append(each)
    return joined


def _loss(con: duckdb.DuckDBPyConnection, name: str, hole: range) -> Loss:
    within = f"FROM damaged.{name}{_within(hole)}"
    counted = _value(con, f"SELECT count(*) {within}")
    rows = len(hole) if counted is None else counted
    column = TABLES[name].time_column if name in TABLES else None
    if column is None:
        return Loss(name, rows)
    since, until = _value(con, f"SELECT min({column}) {within}"), _value(con, f"SELECT max({column}) {within}")
    return Loss(name, rows, since or _beside(con, name, column, hole.start - 1), until or _beside(con, name, column, hole.stop))


def _beside(con: duckdb.DuckDBPyConnection, name: str, column: str, row: int) -> datetime | None:
    """The instant of one row; None where it cannot be read."""
    found: datetime | None = _value(con, f"SELECT {column} FROM damaged.{name} WHERE rowid = {row}")
    return found


def _value(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    try:
        found = con.execute(sql).fetchall()
    except duckdb.FatalException:
        raise
    except duckdb.Error:
        return None
    return found[0][0] if found else None


def _succeeds(con: duckdb.DuckDBPyConnection, sql: str) -> bool:
    try:
        con.execute(sql).fetchall()
    except duckdb.FatalException:
        raise
    except duckdb.Error:
        return False
    return True
