"""Reading the published file, as any user may."""

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
    if not path.exists():
        raise GovpulseError(f"{path} does not exist yet; `govpulse run` makes it")
    con = connect()
    try:
        attach(con, path, "govpulse", read_only=True)
        con.execute("USE govpulse")
        return ask(con, sql)
    finally:
        con.close()


def ask(con: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    """Rows of one SELECT on `con`; anything that could write is refused.

    Raises:
        ConfigurationError: it is not one SELECT.
        GovpulseError: DuckDB refuses it.
    """
    try:
        statements = con.extract_statements(sql)
        if len(statements) != 1 or statements[0].type not in READING:
            raise ConfigurationError("query takes one SELECT")
        return fetch(con, sql)
    except duckdb.Error as error:
        raise GovpulseError(first_line(error)) from error
