"""What can be asked of any relation, and temporary tables. A relation is what may stand behind FROM; a condition is SQL with bind
parameters."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from storage.sql_files import sql_beside

Parameters = Mapping[str, Any] | None


def count_rows(con: duckdb.DuckDBPyConnection, relation: str, where: str = "true", parameters: Parameters = None) -> int:
    """How many rows there are for which the condition holds."""
    return int(con.execute(f"SELECT count(*) FROM {relation} WHERE {where}", parameters).fetchall()[0][0])


def has_rows(con: duckdb.DuckDBPyConnection, relation: str, where: str = "true", parameters: Parameters = None) -> bool:
    """Whether there is a row for which the condition holds."""
    return bool(con.execute(f"SELECT 1 FROM {relation} WHERE {where} LIMIT 1", parameters).fetchall())


def greatest(con: duckdb.DuckDBPyConnection, relation: str, column: str, where: str = "true", parameters: Parameters = None) -> Any:
    """The greatest value of a column in the rows for which the condition holds; None where there is none."""
    return con.execute(f"SELECT max({column}) FROM {relation} WHERE {where}", parameters).fetchall()[0][0]


def values_of(
    con: duckdb.DuckDBPyConnection, relation: str, *columns: str, where: str = "true", parameters: Parameters = None
) -> list[tuple[Any, ...]]:
    """These columns of the rows for which the condition holds, in no order."""
    return con.execute(f"SELECT {', '.join(columns)} FROM {relation} WHERE {where}", parameters).fetchall()


def rows_by_day(con: duckdb.DuckDBPyConnection, relation: str, column: str, parameters: Parameters = None) -> dict[date, int]:
    """How many rows there are of each day (UTC) of an instant."""
    return dict(con.execute(f"SELECT CAST({column} AS DATE), count(*) FROM {relation} GROUP BY ALL", parameters).fetchall())


def count_doubled(con: duckdb.DuckDBPyConnection, relation: str, key: Sequence[str], where: str = "true") -> int:
    """How many keys come more than once in the rows for which the condition holds."""
    return count_rows(con, f"(SELECT 1 FROM {relation} WHERE {where} GROUP BY {', '.join(key)} HAVING count(*) > 1)")


def table_names(con: duckdb.DuckDBPyConnection, database: str | None = None) -> list[str]:
    """The tables of an attached database, of the one in use by default, as `schema.table` and in order."""
    found = con.execute(sql_beside(__file__, "statements/table_names"), {"database": database}).fetchall()
    return [name for (name,) in found]


def column_names(con: duckdb.DuckDBPyConnection, table: str, database: str | None = None) -> list[str]:
    """The columns of `schema.table` of an attached database, of the one in use by default."""
    found = con.execute(sql_beside(__file__, "statements/column_names"), {"database": database, "table": table}).fetchall()
    return [name for (name,) in found]


def store(con: duckdb.DuckDBPyConnection, name: str, select: str, parameters: Parameters = None) -> None:
    """Keep the rows of a SELECT as a temporary table, in the place of an earlier one."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {select}", parameters)


def drop(con: duckdb.DuckDBPyConnection, kind: str, name: str) -> None:
    """Drop a temporary TABLE or VIEW, if it is there."""
    con.execute(f"DROP {kind} IF EXISTS {name}")


def empty(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Take all rows out of a table of a file that is being made, and take no note of it, as `remove` does."""
    con.execute(f"DELETE FROM {name}")


def copy_database(con: duckdb.DuckDBPyConnection, source: str, target: str) -> None:
    """Copy all that is in one attached database into another, without holes."""
    con.execute(f"COPY FROM DATABASE {source} TO {target}")
