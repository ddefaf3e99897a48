"""Polars and Arrow in and out of DuckDB. The only place where a frame crosses that border."""

import warnings
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from storage.catalogue import Table

INSTANT = pl.Datetime("us", "UTC")
TYPES: Mapping[str, pl.DataType] = {
    "BIGINT": pl.Int64(),
    "DOUBLE": pl.Float64(),
    "BOOLEAN": pl.Boolean(),
    "VARCHAR": pl.String(),
    "JSON": pl.String(),
    "TIMESTAMPTZ": INSTANT,
    "TIMESTAMPTZ[]": pl.List(INSTANT),
    "VARCHAR[]": pl.List(pl.String()),
}
"""A catalogue's type as Polars has it."""


def schema_of(table: Table) -> dict[str, pl.DataType]:
    """The columns of a table, for a frame of its rows."""
    return {column.name: TYPES[column.type] for column in table.columns}


def frame_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows of a table; what they leave out is NULL. By columns and through Arrow: Polars takes ten times as long over dicts."""
    schema = pl.DataFrame(schema=schema_of(table)).to_arrow().schema
    first = rows[0].keys() if rows else set[str]()
    keys = first if all(row.keys() == first for row in rows) else None
    columns = [pa.array(_values(each.name, rows, keys), each.type) for each in schema]
    return pl.DataFrame(pa.table(columns, schema=schema))


def _values(name: str, rows: Sequence[Mapping[str, Any]], keys: Set[str] | None) -> list[Any]:
    """Of one column; `keys` are those of every row, where all have the same."""
    if keys is None:
        return [row.get(name) for row in rows]
    return list(map(itemgetter(name), rows)) if name in keys else [None] * len(rows)


def fetch(con: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | Mapping[str, Any] | None = None) -> pl.DataFrame:
    """Run one statement with bind parameters, named (`$name`) or in order, and return its rows."""
    return pl.DataFrame(_execute(con, sql, parameters).to_arrow_table())


def stream(con: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any], rows: int) -> Iterator[pa.RecordBatch]:
    """Run one SELECT and return its rows in batches of at most so many, never all at once."""
    return iter(_execute(con, sql, parameters).to_arrow_reader(rows))


def _execute(
    con: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | Mapping[str, Any] | None
) -> duckdb.DuckDBPyConnection:
    """Not `con.sql`: with parameters DuckDB 1.5 makes Python objects of all values first, at 40 times the cost. DuckDB 2 warns of a
    copy here."""
    warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)
    return con.execute(sql, (dict(parameters) if isinstance(parameters, Mapping) else parameters) or None)


@contextmanager
def registered(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> Iterator[None]:
    """Let SQL on `con` read `frame` as the relation `name` inside the block, without a copy."""
    con.register(name, frame.to_arrow())
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # in an aborted transaction this fails too, and would hide why
            con.unregister(name)
        raise
    con.unregister(name)
