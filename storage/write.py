"""The write verbs, once. The catalogue drives append, replace and upsert: each writes the rows of a relation (a name that SQL on
the connection can read, with the table's columns). enter, fill, update and remove write what their caller says. The transaction is
their caller's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from storage.catalogue import Table
from storage.changes import change, day_column, execute, note_days, note_rows, note_whole
from storage.frames import frame_of, registered
from storage.relations import count_doubled, count_rows

LARGE_ROWS = 10_000
Window = tuple[datetime, datetime]
"""Half-open: start included, end not."""


def append(con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> int:
    """Add the rows; returns how many."""
    names = ", ".join(table.column_names)
    appended = execute(con, table.full_name, f"INSERT INTO {table.full_name} ({names}) SELECT {names} FROM {relation}")
    if appended:
        note_rows(con, table.full_name, relation)
    return appended


def replace(con: duckdb.DuckDBPyConnection, table: Table, relation: str, window: Window | None = None) -> int:
    """Put the rows in the place of what lies in `window` of the time column, or of everything; returns how many.

    A table with history also keeps them as the row set of their day.
    """
    where = f"{table.time_column} >= $start AND {table.time_column} < $end" if window else "true"
    parameters = dict(zip(("start", "end"), window or (), strict=False))
    remove(con, table.full_name, where, parameters)
    if table.has_history:
        _keep_history(con, table, relation)
    return append(con, table, relation)


def _keep_history(con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> None:
    names = ", ".join(table.column_names)
    name = f"history.{table.name}"
    note_rows(con, name, relation)
    con.execute(f"DELETE FROM {name} WHERE CAST(as_of AS DATE) IN (SELECT CAST(as_of AS DATE) FROM {relation})")
    con.execute(f"INSERT INTO {name} ({names}) SELECT {names} FROM {relation}")


def remove(con: duckdb.DuckDBPyConnection, name: str, where: str, parameters: Mapping[str, Any] | None = None) -> int:
    """Delete the rows of `schema.table` for which the condition holds; returns how many."""
    if day_column(name):
        note_rows(con, name, f"{name} WHERE {where}", parameters)
    removed = execute(con, name, f"DELETE FROM {name} WHERE {where}", parameters)
    if removed and not day_column(name):
        note_whole(con, name)
    return removed


def enter(con: duckdb.DuckDBPyConnection, name: str, row: Mapping[str, Any]) -> None:
    """Add one row to `schema.table`."""
    marks = ", ".join(f"${column}" for column in row)
    change(con, name, f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})", row)


def fill(con: duckdb.DuckDBPyConnection, name: str, select: str, parameters: Mapping[str, Any] | None = None) -> int:
    """Add the rows of a SELECT that names the columns of `schema.table`; returns how many."""
    return change(con, name, f"INSERT INTO {name} BY NAME {select}", parameters)


def update(
    con: duckdb.DuckDBPyConnection,
    name: str,
    values: Mapping[str, Any],
    where: str = "true",
    parameters: Mapping[str, Any] | None = None,
) -> int:
    """Put these values into the columns of the rows for which the condition holds; returns how many."""
    sets = ", ".join(f"{column} = $new_{column}" for column in values)
    given = {f"new_{column}": value for column, value in values.items()}
    return change(con, name, f"UPDATE {name} SET {sets} WHERE {where}", {**given, **(parameters or {})})


def upsert(con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> int:
    """Merge the rows by key; returns how many were inserted or updated.

    With a version, the greatest (version, then the remaining columns) of a key stays, so any order of arrival ends in the same
    table. DuckDB compares rows as ORDER BY does, NULL being the greatest. Keys may repeat in the relation.
    """
    span = _span(con, table, relation)
    incoming = _newest(con, table, relation)
    if _is_large(con, relation) and not _has_any(con, table, incoming, span):
        return append(con, table, incoming)
    newer = f"{_row('incoming', ranked(table))} > {_row('target', ranked(table))}" if table.version else "true"
    if table.day_column:
        _note_merged_days(
            con, table, table.day_column, f"{incoming} LEFT JOIN {table.full_name} AS target ON {_match(table)}{span}", newer
        )
    merged = execute(con, table.full_name, merge_statement(table, incoming, span, newer))
    if merged and not table.day_column:
        note_whole(con, table.full_name)
    return merged


def _note_merged_days(con: duckdb.DuckDBPyConnection, table: Table, column: str, joined: str, newer: str) -> None:
    """Note the days that a merge will change: those of what is new, and where it was before."""
    days = con.sql(
        f"SELECT DISTINCT unnest([CAST(incoming.{column} AS DATE), CAST(target.{column} AS DATE)]) AS day"
        f" FROM {joined} WHERE target.{table.key[0]} IS NULL OR {newer}"
    ).fetchall()
    note_days(con, table.full_name, [day for (day,) in days if day is not None])


def upsert_rows(con: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Merge rows by key; they name the table's columns, and what they leave out is NULL."""
    if rows:
        with registered(con, "given_rows", frame_of(table, rows)):
            upsert(con, table, "given_rows")


def _is_large(con: duckdb.DuckDBPyConnection, relation: str) -> bool:
    """Whether it is worth a look if all rows are new: to insert many is a third of the work of merging them."""
    return count_rows(con, relation) >= LARGE_ROWS


def _has_any(con: duckdb.DuckDBPyConnection, table: Table, incoming: str, span: str) -> bool:
    found = con.execute(f"SELECT 1 FROM {table.full_name} AS target SEMI JOIN {incoming} ON {_match(table)}{span} LIMIT 1")
    return bool(found.fetchall())


def has_doubles(con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> bool:
    """Whether any key comes more than once in the relation."""
    return count_doubled(con, relation, table.key) > 0


def _newest(con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> str:
    """The relation `incoming`, each key once. Looking whether any comes twice is cheap, sorting all rows by version is not."""
    keys, names = ", ".join(table.key), ", ".join(table.column_names)
    if not has_doubles(con, table, relation):
        return f"(SELECT {names} FROM {relation}) AS incoming"
    order = f"PARTITION BY {keys} ORDER BY {_row(relation, ranked(table))} DESC"
    return f"(SELECT {names} FROM {relation} QUALIFY row_number() OVER ({order}) = 1) AS incoming"


def ranked(table: Table) -> tuple[str, ...]:
    """The columns that tell which of two rows with one key is the newer, as a row: the version, then the remaining ones."""
    return (*table.version, *(name for name in table.column_names if name not in (*table.key, *table.version)))


def _match(table: Table) -> str:
    return " AND ".join(f"target.{name} = incoming.{name}" for name in table.key)


def merge_statement(table: Table, incoming: str, span: str, newer: str) -> str:
    """The MERGE into `table`, confined to the relation's span of time where the key has an instant."""
    names = ", ".join(table.column_names)
    updates = ", ".join(f"{name} = incoming.{name}" for name in table.column_names if name not in table.key)
    values = ", ".join(f"incoming.{name}" for name in table.column_names)
    return f"""
        MERGE INTO {table.full_name} AS target
        USING {incoming}
        ON {_match(table)}{span}
        WHEN MATCHED AND {newer} THEN UPDATE SET {updates}
        WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})
    """


def _span(con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> str:
    """Bounds that let DuckDB skip the parts of the table that cannot match."""
    column = table.time_column
    if column is None or column not in table.key:
        return ""
    first, last = con.sql(f"SELECT min({column}), max({column}) FROM {relation}").fetchall()[0]
    if first is None:
        return ""
    return f" AND target.{column} BETWEEN TIMESTAMPTZ '{first.isoformat()}' AND TIMESTAMPTZ '{last.isoformat()}'"


def _row(relation: str, names: Sequence[str]) -> str:
    return "row(" + ", ".join(f"{relation}.{name}" for name in names) + ")"
