"""Rows put straight into any table, for what reads the tables that others fill."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb
import polars as pl

from storage.catalogue import TABLES, Table
from storage.frames import TYPES, registered

BLANK_AT = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
BLANKS: dict[str, Any] = {"VARCHAR": "x", "BIGINT": 0, "DOUBLE": 0.0, "BOOLEAN": False, "TIMESTAMPTZ": BLANK_AT, "JSON": "{}"}


def insert(con: duckdb.DuckDBPyConnection, table: Table, *rows: Mapping[str, Any]) -> None:
    """What a row does not say is the column's default, or a blank where the table requires it. Many rows go in as a frame, in a
    hundredth of the time; a single one is quicker without."""
    blanks = {column.name: BLANKS.get(column.type, []) for column in table.columns if column.is_required}
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        values = blanks | dict(row)
        alike[tuple(values)].append(values)
    types = {column.name: TYPES[column.type] for column in table.columns if column.type in TYPES}
    for names, group in alike.items():
        if len(group) == 1:
            marks = ", ".join(f"${name}" for name in names)
            con.execute(f"INSERT INTO {table.full_name} ({', '.join(names)}) VALUES ({marks})", group[0])
        else:
            known = {name: types[name] for name in names if name in types}
            with registered(con, "rows_given", pl.DataFrame(group, schema_overrides=known, infer_schema_length=None)):
                con.execute(f"INSERT INTO {table.full_name} BY NAME SELECT * FROM rows_given")


def enter(con: duckdb.DuckDBPyConnection, *insights: str, as_of: datetime, computed_at: datetime) -> None:
    """Enter in the book that insights were computed."""
    entries = ({"insight": insight, "as_of": as_of, "computed_at": computed_at} for insight in insights)
    insert(con, TABLES["ops.computations"], *entries)
