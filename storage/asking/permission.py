"""SQL that people write: it may read tables, and nothing else.

Two walls stand behind each other. `check_reads` looks at the parsed SQL and lets through one SELECT that calls nothing by which it
could reach further. `lock_down` shuts the connection itself. Neither is enough: DuckDB 1.5 starts logging to files from a SELECT
on a locked connection, and nobody can list all that a parser may ever let through.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from threading import TIMEOUT_MAX, Timer
from typing import Any

import duckdb

from storage.catalogue import MACROS
from storage.errors import ConfigurationError, GovpulseError, first_line
from storage.sql_files import sql_beside
from storage.warehouse import connect

TABLE_FUNCTIONS = frozenset({
    "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "histogram", "histogram_values",
    *MACROS, "duckdb_columns", "duckdb_constraints", "duckdb_functions", "duckdb_indexes", "duckdb_keywords",
    "duckdb_schemas", "duckdb_tables", "duckdb_types", "duckdb_views", "icu_calendar_names", "pg_timezone_names",
    "pragma_show", "pragma_table_info", "pragma_version",
})  # fmt: skip
"""The only ones that may stand where a table stands: they make rows of their arguments, or say which tables there are."""
REFUSED_FUNCTIONS = frozenset({
    "current_query", "current_setting", "currval", "getenv", "getvariable", "json_execute_serialized_sql",
    "json_serialize_plan", "nextval", "pg_sleep", "setseed", "setval", "sleep_ms", "stats", "write_log",
})  # fmt: skip
"""Of the others those that do something, wait, or show settings."""
REFUSED_VIEWS = frozenset({
    "duckdb_databases", "duckdb_logs", "pg_database", "pg_prepared_statements", "pg_settings", "pragma_database_list",
})  # fmt: skip
"""They show settings, paths, or what others asked."""
LONGEST_SQL = 100_000
READS_ONLY = "SQL in queries and rules may only read tables"


class TookTooLongError(GovpulseError):
    """The SELECT did not come to its end in time."""


class NotSqlError(ConfigurationError):
    """It cannot be read as SQL."""


def check_reads(sql: str) -> None:
    """Whether `sql` is one SELECT, or EXPLAIN of one, that calls nothing but what works on rows.

    Raises:
        ConfigurationError: it is not; says `must be one SELECT`, `calls ...` and the like, to be put behind its name.
        NotSqlError: it is not even SQL.
    """
    if len(sql) > LONGEST_SQL:
        raise ConfigurationError(f"has more than {LONGEST_SQL:,} characters")
    try:
        sql.encode()  # half a character is a TypeError in DuckDB
        statements = _parser().extract_statements(sql)
    except (duckdb.Error, UnicodeError) as error:
        raise NotSqlError(f"is not SQL: {first_line(error)}") from error
    is_one = len(statements) == 1
    if is_one and statements[0].type == duckdb.StatementType.EXPLAIN and sql.lstrip()[:7].lower() == "explain":
        sql = sql.lstrip()[7:]  # what would be run by ANALYZE is no SELECT, and is refused below
    elif not is_one or statements[0].type != duckdb.StatementType.SELECT:
        raise ConfigurationError("must be one SELECT")
    ((problem, functions, table_functions, tables),) = (
        _parser().execute(sql_beside(__file__, "parts_of_select"), {"sql": sql}).fetchall()
    )
    if problem:
        raise ConfigurationError("must be one SELECT")
    _refuse("calls", {*table_functions} - TABLE_FUNCTIONS | {*functions} & REFUSED_FUNCTIONS)
    _refuse("reads", {name.lower() for name in tables} & REFUSED_VIEWS)


def _refuse(verb: str, names: set[str]) -> None:
    if names:
        raise ConfigurationError(f"{verb} {min(names)}: {READS_ONLY}")


def parsed(sql: str) -> Any:
    """The tree of a SELECT that `check_reads` let through, as DuckDB writes it in JSON."""
    return json.loads(_parser().execute(sql_beside(__file__, "tree_of_select"), {"sql": sql}).fetchall()[0][0])


def tables_in(sql: str) -> set[str]:
    """The tables that a SELECT reads, with their schemas."""
    return set(_parser().get_table_names(sql, qualified=True))


def _parser() -> duckdb.DuckDBPyConnection:
    """A connection of this thread's own that has nothing to read."""
    return _nothing().cursor()


@cache
def _nothing() -> duckdb.DuckDBPyConnection:
    con = connect()
    lock_down(con)
    return con


def lock_down(con: duckdb.DuckDBPyConnection) -> None:
    """From now on SQL on `con` reaches no file and no network but the files that are attached, and no setting, for good."""
    if con.execute(sql_beside(__file__, "is_locked")).fetchall() == [(False,)]:
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")


@contextmanager
def reading(con: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """A transaction on the locked `con` that cannot write, and is interrupted when its time is over.

    Raises:
        TookTooLongError, GovpulseError: for what DuckDB raised, in one line.
    """
    lock_down(con)
    limit = Timer(min(seconds, TIMEOUT_MAX), con.interrupt)
    limit.start()
    try:
        con.execute("BEGIN TRANSACTION READ ONLY")
        yield
    except (duckdb.Error, OSError) as error:  # a stream that is interrupted raises an OSError
        if "INTERRUPT" in str(error):
            raise TookTooLongError(f"took longer than {seconds:g} s") from error
        raise GovpulseError(first_line(error)) from error
    finally:
        limit.cancel()
        limit.join()
        with suppress(duckdb.Error):
            con.execute("ROLLBACK")
