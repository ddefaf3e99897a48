"""What changed since when, noted in the transaction that changes it: by it backups and verification know what they have to read.

`ops.changes` has a row a table, or a row a day of a table whose rows are kept together by days (`Table.day_column`), with the
generation in which something of it changed last. Generations count up, whatever clocks say.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import duckdb
import polars as pl

from storage.catalogue import TABLES, Table
from storage.frames import INSTANT, fetch
from storage.journal.noting import is_kept, note_put, note_removed
from storage.relations import greatest, rows_by_day, values_of
from storage.sql_files import sql_beside

VERB = re.compile(r"^\s*(INSERT|UPDATE|DELETE|MERGE)\b", re.MULTILINE)
"""How a statement begins, behind its comments."""


def day_column(name: str) -> str | None:
    """By the days of what the rows of `schema.table` are kept together; None where the table is kept whole, or is a temporary
    relation, of which nobody takes note."""
    if name.startswith("history."):
        return "as_of"
    return TABLES[name].day_column if "." in name else None


def in_days(name: str, days: Iterable[date]) -> str:
    """SQL: the condition for the rows of those days."""
    return " OR ".join(between(name, *bounds_of(day)) for day in sorted(days)) or "false"


def between(name: str, start: datetime, end: datetime) -> str:
    """SQL: the condition for the rows of a table that is kept by days from `start` on and before `end`."""
    column = day_column(name)
    return f"{column} >= TIMESTAMPTZ '{start.isoformat()}' AND {column} < TIMESTAMPTZ '{end.isoformat()}'"


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """Where a day (UTC) begins and ends."""
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)


def note_whole(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Note that anything of the table may have changed. Of a relation without a schema, a temporary one, nobody takes note."""
    if "." in name:
        note_days(con, name, [None])


def note_rows(con: duckdb.DuckDBPyConnection, name: str, relation: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Note that what the rows of `relation` say changes, or is new: their days, where the table has days."""
    column = day_column(name)
    if column is None:
        note_whole(con, name)
    else:
        note_days(con, name, [*rows_by_day(con, relation, column, parameters)])


def note_days(con: duckdb.DuckDBPyConnection, name: str, days: Sequence[date | None]) -> None:
    """Note that these days changed; None is for all of the table."""
    con.execute(sql_beside(__file__, "statements/note_days"), {"name": name, "days": days})


def change(
    con: duckdb.DuckDBPyConnection, name: str, statement: str, parameters: list[Any] | Mapping[str, Any] | None = None
) -> int:
    """An INSERT, UPDATE or DELETE of rows of `name` that is none of the write verbs; returns how many rows changed."""
    changed = execute(con, name, statement, parameters)
    if changed:
        note_whole(con, name)
    return changed


def execute(
    con: duckdb.DuckDBPyConnection, name: str, statement: str, parameters: list[Any] | Mapping[str, Any] | None = None
) -> int:
    """Run an INSERT, UPDATE, DELETE or MERGE of rows of `name`, and enter in the journal what became of them, where that is kept;
    returns how many rows changed."""
    table = TABLES.get(name)
    if table is None or not table.is_journaled or not is_kept(con):
        return int(con.execute(statement, parameters).fetchall()[0][0])
    (kind,) = VERB.findall(statement)[:1]
    known = _keys(con, table) if kind == "UPDATE" and _sets_key(table, statement) else set()
    action = "merge_action" if kind == "MERGE" else f"'{kind}'"
    returning = f"{statement} RETURNING {action}, {', '.join(table.column_names)}"
    found = as_written(fetch(con, returning, parameters)).rows()
    key = [1 + table.column_names.index(each) for each in table.key]
    gone = [tuple(row[at] for at in key) for row in found if row[0] == "DELETE"]
    if known:
        gone += sorted(known - _keys(con, table))
    note_removed(con, name, table.key, gone)
    note_put(con, name, table.column_names, [row[1:] for row in found if row[0] != "DELETE"])
    return len(found)


def as_written(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their instants as ISO 8601, as a journal has them: a column at a time, for they are most of its work."""
    instant = "%Y-%m-%dT%H:%M:%S%.6f+00:00"
    return rows.with_columns(
        pl.col(INSTANT).dt.strftime(instant), pl.col(pl.List(INSTANT)).list.eval(pl.element().dt.strftime(instant))
    )


def _sets_key(table: Table, statement: str) -> bool:
    """Whether an UPDATE may give rows another key: what it returns does not say which they had."""
    head = re.split(r"\bWHERE\b", statement, maxsplit=1)[0]
    return any(re.search(rf"\b{name}\s*=", head) for name in table.key)


def _keys(con: duckdb.DuckDBPyConnection, table: Table) -> set[tuple[Any, ...]]:
    return set(values_of(con, table.full_name, *table.key))


def generation(con: duckdb.DuckDBPyConnection) -> int:
    """That of the latest change; 0 before the first."""
    return int(greatest(con, "ops.changes", "generation") or 0)


def changed_tables(con: duckdb.DuckDBPyConnection, since: int) -> set[str]:
    """The tables of which anything changed after that generation."""
    found = con.execute(sql_beside(__file__, "statements/changed_tables"), {"since": since}).fetchall()
    return {name for (name,) in found}


def changed_days(con: duckdb.DuckDBPyConnection, name: str, since: int) -> set[date] | None:
    """The days of the table that changed after that generation; None where all may have."""
    found = con.execute(sql_beside(__file__, "statements/changed_parts"), {"name": name, "since": since}).fetchall()
    parts = {part for (part,) in found}
    return None if "" in parts else {date.fromisoformat(part) for part in parts}


def stored_tables() -> dict[str, Table]:
    """Every table with rows of its own by its full name, those of schema `history` with their table's shape."""
    stored = {name: table for name, table in TABLES.items() if table.verb != "view"}
    return stored | {f"history.{table.name}": table for table in TABLES.values() if table.has_history}
