"""Reading the published file, as any user may."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from storage.asking.answers import Answer, Form
from storage.asking.permission import NotSqlError, check_reads
from storage.asking.reader import Reader, asking_on
from storage.errors import ConfigurationError, GovpulseError
from storage.limits import Limits
from storage.warehouse import attach, connect, explain, is_about_the_file

REMEDY = "`govpulse run` rewrites it"


def ask_published(path: Path, sql: str) -> pl.DataFrame:
    """Rows of one SELECT of ours on the published file.

    Raises:
        GovpulseError: there is no file yet, or it is damaged.
    """
    with published(path) as con:
        return asking_on(con)(sql, {}, math.inf)


@contextmanager
def published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the published file, for what is ours to ask, inside the block.

    Raises:
        GovpulseError: there is no file yet, or it is damaged.
    """
    _refuse_missing(path)
    con = connect()
    try:
        attach(con, path, "govpulse", read_only=True, remedy=REMEDY)
        con.execute("USE govpulse")
        yield con
    except GovpulseError as error:
        if error.__cause__ is None or str(path) in str(error) or not is_about_the_file(error.__cause__):
            raise
        raise GovpulseError(f"cannot use {path}: {explain(error.__cause__, REMEDY)}") from error
    finally:
        con.close()


def query_published(path: Path, sql: str, limits: Limits, form: Form = "printed") -> Answer:
    """Rows of one SELECT that somebody wrote, on the published file. It may take as long as it likes: nobody waits for it.

    Raises:
        ConfigurationError: it is not one SELECT that only reads.
        GovpulseError: there is no file yet, it is damaged, or DuckDB refuses the SQL.
    """
    check_query(sql)
    _refuse_missing(path)
    with Reader(limits) as reader, reader.reading(path, "govpulse", REMEDY):
        return reader.answer(sql, math.inf, form)


def check_query(sql: str) -> None:
    """Whether somebody's SQL is one SELECT that only reads.

    Raises:
        ConfigurationError: it is not.
        GovpulseError: it is not SQL.
    """
    try:
        check_reads(sql)
    except NotSqlError as error:
        raise GovpulseError(f"the query {error}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"the query {error}") from error


def _refuse_missing(path: Path) -> None:
    if not path.exists():
        raise GovpulseError(f"{path} does not exist yet; `govpulse run` creates it")
