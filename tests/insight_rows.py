"""Rows put straight into any table, for what reads the tables that others fill."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb

from storage.catalogue import TABLES, Table

BLANK_AT = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
BLANKS: dict[str, Any] = {"VARCHAR": "x", "BIGINT": 0, "DOUBLE": 0.0, "BOOLEAN": False, "TIMESTAMPTZ": BLANK_AT, "JSON": "{}"}


def insert(con: duckdb.DuckDBPyConnection, table: Table, row: Mapping[str, Any]) -> None:
    """What a row does not say is NULL, or a blank where the table requires it."""
    blanks = {column.name: BLANKS.get(column.type, []) for column in table.columns if column.is_required}
    values = blanks | dict(row)
    marks = ", ".join(f"${name}" for name in values)
    con.execute(f"INSERT INTO {table.full_name} ({', '.join(values)}) VALUES ({marks})", values)


def enter(con: duckdb.DuckDBPyConnection, insight: str, as_of: datetime, computed_at: datetime) -> None:
    """Enter in the book that an insight was computed."""
    insert(con, TABLES["ops.computations"], {"insight": insight, "as_of": as_of, "computed_at": computed_at})
