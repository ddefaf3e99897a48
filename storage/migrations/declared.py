"""Tables of insights, history and state, made as the catalogue declares them: what is missing is added whenever a warehouse is
opened.

A numbered migration is written only where rows move, where a column goes or changes its type, and for the other schemas.
"""

from collections.abc import Iterator

import duckdb

from storage.catalogue import TABLES, Column
from storage.relations import column_names
from storage.sql_files import sql_beside
from storage.transaction import transaction

SCHEMAS = ("insights", "history", "state")


def declared() -> dict[str, tuple[Column, ...]]:
    """The columns of each table that is declared: `history` has its insights'."""
    tables = [table for table in TABLES.values() if table.schema in SCHEMAS and table.verb != "view"]
    history = {f"history.{table.name}": table.columns for table in tables if table.has_history}
    return {table.full_name: table.columns for table in tables} | history


def declare(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Add the tables and columns that are missing, all or none; returns what was added. A column that is added to a table may be
    NULL there, for its rows have no value yet.
    """
    missing = dict(_missing(con))
    if missing:
        with transaction(con):
            for statement in missing.values():
                con.execute(statement)
    return list(missing)


def make_as_stored(con: duckdb.DuckDBPyConnection, name: str, relation: str, database: str | None = None) -> None:
    """Make a table that no migration makes, unless there is one, for rows that are stored elsewhere: with their columns, each as
    declared.

    Args:
        relation: what has the rows.
        database: where the table is made; by default in the one in use.
    """
    known = {column.name: _defined(column) for column in declared().get(name, ())}
    stored = con.sql(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    columns = ", ".join(known.get(row[0], f'"{row[0]}" {row[1]}') for row in stored)
    con.execute(f"CREATE TABLE IF NOT EXISTS {f'{database}.' if database else ''}{name} ({columns})")


def _missing(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """What is missing, and the statement that adds it. Columns are counted first, for that is a tenth of the time."""
    counted = dict(con.execute(sql_beside(__file__, "columns_counted"), {"schemas": SCHEMAS}).fetchall())
    for table, columns in declared().items():
        if table not in counted:
            yield table, f"CREATE TABLE {table} ({', '.join(map(_defined, columns))})"
        elif counted[table] < len(columns):
            there = column_names(con, table)
            for column in columns:
                if column.name not in there:
                    yield f"{table}.{column.name}", f"ALTER TABLE {table} ADD COLUMN {column.name} {column.type}"


def _defined(column: Column) -> str:
    return f'"{column.name}" {column.type}{" NOT NULL" if column.is_required else ""}'
