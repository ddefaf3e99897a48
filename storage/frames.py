"""Polars and Arrow in and out of DuckDB. The only place where a frame crosses that border."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import duckdb
import polars as pl


def fetch(con: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """Run one SELECT with named bind parameters (`$name`) and return its rows."""
    relation = con.sql(sql, params=dict(parameters)) if parameters else con.sql(sql)
    return pl.DataFrame(relation.to_arrow_table())


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
