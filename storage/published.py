"""Reading the published file, as any user may."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from storage.errors import ConfigurationError, GovpulseError, first_line
from storage.frames import fetch
from storage.warehouse import attach, connect

READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def ask_published(path: Path, sql: str) -> pl.DataFrame:
    """Rows of one SELECT on the published file.

    Raises:
        GovpulseError: there is no file yet, or DuckDB refuses the SQL.
    """
    with published(path) as con:
        return ask(con, sql)


@contextmanager
def published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, to be read inside the block.

    Raises:
        GovpulseError: there is no file yet.
    """
    if not path.exists():
        raise GovpulseError(f"{path} does not exist yet; `govpulse run` makes it")
    con = connect()
    try:
        attach(con, path, "govpulse", read_only=True)
        con.execute("USE govpulse")
        yield con
    finally:
        con.close()


@contextmanager
def asking(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[duckdb.Statement]:
    """Inside the block `sql` may be run: it is one SELECT, and what DuckDB says against it is an error of ours.

    Raises:
        ConfigurationError: it is not one SELECT.
        GovpulseError: DuckDB refuses it.
    """
    try:
        statements = con.extract_statements(sql)
        if len(statements) != 1 or statements[0].type not in READING:
            raise ConfigurationError("query takes one SELECT")
        yield statements[0]
    except duckdb.Error as error:
        raise GovpulseError(first_line(error)) from error


def ask(con: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    """Rows of one SELECT on `con`; anything that could write is refused. Raises what `asking` raises."""
    with asking(con, sql):
        return fetch(con, sql)
