"""Rows of a SELECT for somebody who may ask anything: of every type that DuckDB has, as what can be printed, or kept in a file.

DuckDB itself makes a text of what frames have no type for, or less of: dates beyond the year 9999, intervals, huge numbers, unions.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import duckdb
import polars as pl

Form = Literal["printed", "exact"]
"""What the rows are for: to be printed, or to be kept."""
Kind = Literal["number", "json", "bytes", "instant", "text", "lines"]
"""What a column holds: numbers and booleans, as they are or as text; JSON; bytes, as ASCII with escapes; instants as text; text;
text in lines, which is what EXPLAIN says."""

PLAIN = {"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint", "float", "double", "boolean"}
WIDE = {"hugeint", "uhugeint", "bignum", "decimal"}
NESTED = {"list", "array", "struct", "map", "union"}
IN_FRAMES = PLAIN | {"hugeint", "decimal", "varchar", "enum", "blob", "uuid", "date", "time"}


@dataclass(frozen=True)
class Answer:
    """The columns as they are called, which may be twice the same, with what they hold; the rows, under names of their own."""

    names: list[str]
    kinds: list[Kind]
    rows: pl.DataFrame


@dataclass(frozen=True)
class Asked:
    """The same of a SELECT that has not been run: `relation` runs it."""

    names: list[str]
    kinds: list[Kind]
    relation: duckdb.DuckDBPyRelation


def as_printed(con: duckdb.DuckDBPyConnection, sql: str) -> Asked:
    """The SELECT in numbers, booleans and texts, which can all be printed."""
    asked = con.sql(sql)
    texts = [_as_printed(place, dtype.id) for place, dtype in enumerate(asked.types, 1)]
    is_plan = con.extract_statements(sql)[0].type == duckdb.StatementType.EXPLAIN
    kinds: list[Kind] = ["lines" if is_plan else _kind(dtype.id) for dtype in asked.types]
    return Asked(asked.columns, kinds, _projected(asked, texts))


def exact(con: duckdb.DuckDBPyConnection, sql: str) -> Asked:
    """The SELECT as it is, each column under a name of its own; what frames have no type for is text."""
    asked = con.sql(sql)
    columns = [f"#{place}" if _fits(dtype) else _as_printed(place, dtype.id) for place, dtype in enumerate(asked.types, 1)]
    return Asked(told_apart(asked.columns), [_kind(dtype.id) for dtype in asked.types], _projected(asked, columns))


FORMS: dict[Form, Callable[[duckdb.DuckDBPyConnection, str], Asked]] = {"printed": as_printed, "exact": exact}


def as_answer(rows: pl.DataFrame, names: list[str], kinds: list[Kind], form: Form) -> Answer:
    """What came of it."""
    return Answer(names, kinds, rows.rename(dict(zip(rows.columns, names, strict=True))) if form == "exact" else rows)


def told_apart(names: Sequence[str]) -> list[str]:
    """Names of which none comes twice: the second `n` is `n_2`."""
    taken: set[str] = set(names)
    given: list[str] = []
    for name in names:
        number = 2
        while (chosen := name if name not in given else f"{name}_{number}") in given or (chosen != name and chosen in taken):
            number += 1
        given.append(chosen)
    return given


def _fits(dtype: Any) -> bool:
    """Whether frames have this type, and those within it."""
    if dtype.id in ("list", "array"):
        return _fits(dtype.children[0][1])
    if dtype.id == "struct":
        names = [name for name, _ in dtype.children]
        return len({*names, ""}) == len(names) + 1 and all(_fits(part) for _, part in dtype.children)
    return dtype.id in IN_FRAMES or dtype.id.startswith("timestamp")


def _kind(type_id: str) -> Kind:
    if type_id in PLAIN | WIDE:
        return "number"
    if type_id in NESTED:
        return "json"
    if type_id.startswith("timestamp"):
        return "instant"
    return "bytes" if type_id == "blob" else "text"


def _as_printed(place: int, type_id: str) -> str:
    if type_id in PLAIN:
        return f"#{place}"
    return f"to_json(#{place})::VARCHAR" if type_id in NESTED else f"#{place}::VARCHAR"


def _projected(asked: duckdb.DuckDBPyRelation, columns: Iterable[str]) -> duckdb.DuckDBPyRelation:
    return asked.project(", ".join(f"{column} AS c{place}" for place, column in enumerate(columns)))
