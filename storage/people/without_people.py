"""What is published where the readers may not learn of people: no table about people, and nobody's id in a value of another.

Rows that tell of one person stay away. What tells of something else stays, without the name, in whatever text or document it is,
also within another name, such as `scan-ann-1`. An id without a letter is a number like any other, and is taken out only from where
ids are.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from storage.catalogue import DATASETS, TABLES, Column, Table
from storage.catalogue.people import AS_THEY_CAME, FINDINGS, ROWS, may_name_people
from storage.frames import fetch, registered

NOBODY = "(a person)"
NO_PERSON = "system"
"""The contract's word for what no person asked for."""
SAID = ("title", "statement", "subject", "fingerprint")
"""What of an alert within another document tells of it; from a fingerprint an id can be guessed."""
PEOPLE_KEYS = frozenset(column.name for table in TABLES.values() for column in table.columns if column.is_user_id) - {"resource_id"}
"""Under such a name a document has a person's id."""
Named = Mapping[tuple[str, str], pl.DataFrame]
"""By table and column which values name somebody (`before`), and the same without (`after`)."""


@dataclass(frozen=True)
class People:
    """Those who are not to be named, and where they are."""

    ids: pl.DataFrame
    named: Named


def find_people(con: duckdb.DuckDBPyConnection, tables: Mapping[str, Table]) -> People:
    """Everybody whom the warehouse knows, and where in `tables`, which are by their names, they are named."""
    ids = fetch(con, _ids_query())
    texts = [_distinct(con, name, column) for name, table in tables.items() for column in table.columns if may_name_people(column)]
    rewritten = _without_names(pl.concat(texts), ids["user_id"])
    by_place = rewritten.partition_by("table", "column", as_dict=True, include_key=False)
    return People(ids, {(str(table), str(column)): rows for (table, column), rows in by_place.items()})


def are_named(con: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> list[bool]:
    """Of each text whether it names somebody whom the warehouse knows."""
    said = pl.DataFrame({"before": texts}, schema={"before": pl.String}).with_columns(pl.lit(value=False).alias("is_document"))
    named = _without_names(said, fetch(con, _ids_query())["user_id"])
    return said["before"].is_in(named["before"].implode()).to_list()


def copy_without_people(con: duckdb.DuckDBPyConnection, table: Table, name: str, target: str, people: People) -> None:
    """Make `target` of the table that is called `name`, with the rows and values that tell of nobody."""
    with ExitStack() as stack:
        stack.enter_context(registered(con, "people", people.ids))
        shown, joins = [], []
        for number, column in enumerate(table.columns):
            before = people.named.get((name, column.name))
            if before is not None:
                stack.enter_context(registered(con, f"said_{number}", before))
                joins.append(f"LEFT JOIN said_{number} ON said_{number}.before = CAST(told.{column.name} AS VARCHAR)")
            shown.append(_shown(name, column, f"said_{number}" if before is not None else None))
        rows = f"NOT coalesce({ROWS[name]}, false)" if name in ROWS else "true"
        told = f"(SELECT * FROM warehouse.{name} WHERE {rows}) AS told"
        con.execute(f"CREATE TABLE {target} AS SELECT {', '.join(shown)} FROM {told} {' '.join(joins)}")


def _shown(name: str, column: Column, said: str | None) -> str:
    if column.is_user_id or f"{name}.{column.name}" in AS_THEY_CAME:
        return f"CAST(NULL AS {column.type}) AS {column.name}"
    if said is None:
        return f"told.{column.name}"
    return f"CAST(coalesce({said}.after, CAST(told.{column.name} AS VARCHAR)) AS {column.type}) AS {column.name}"


def _ids_query() -> str:
    """SQL: the ids with a letter of all whom the warehouse knows, also of those whose rows were all refused."""
    known = [
        f"SELECT DISTINCT {column.name} AS user_id FROM {name} WHERE {column.user_id_where or 'true'}"
        for name, table in _written_tables()
        for column in table.columns
        if column.is_user_id
    ]
    refused = [
        f"SELECT DISTINCT row ->> '{column.name}' FROM ops.rejected_rows WHERE dataset = '{name}'"
        for name, table in DATASETS.items()
        for column in table.columns
        if column.is_user_id and column.user_id_where is None
    ]
    everybody = " UNION ".join(known + refused)
    return rf"SELECT user_id FROM ({everybody}) WHERE regexp_matches(user_id, '\pL') AND user_id <> '{NO_PERSON}' ORDER BY user_id"


def _written_tables() -> Iterator[tuple[str, Table]]:
    for name, table in TABLES.items():
        if table.verb != "view":
            yield name, table
            if table.has_history:
                yield f"history.{table.name}", table


def _distinct(con: duckdb.DuckDBPyConnection, name: str, column: Column) -> pl.DataFrame:
    texts = fetch(con, f"SELECT DISTINCT CAST({column.name} AS VARCHAR) AS before FROM {name} WHERE {column.name} IS NOT NULL")
    place = (("table", name), ("column", column.name))
    said = [pl.lit(value).alias(key) for key, value in place]
    return texts.select(*said, pl.col("before"), pl.lit(column.type == "JSON").alias("is_document"))


def _without_names(texts: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """Those of the texts that name somebody, with what is left of them as `after`."""
    everybody = ids.implode()
    may = texts.filter(pl.col("before").str.contains_any(everybody) | pl.col("before").str.contains("\\", literal=True))
    parts = [json.loads(row["before"]) if row["is_document"] else row["before"] for row in may.iter_rows(named=True)]
    spoken = pl.Series("spoken", [_spoken(part) for part in parts], dtype=pl.String)
    named = spoken.str.extract_many(everybody, overlapping=True).to_list()
    after = [_without(part, _pattern(names)) for part, names in zip(parts, named, strict=True)]
    written = [
        json.dumps(each, ensure_ascii=False) if is_document else each
        for each, is_document in zip(after, may["is_document"], strict=True)
    ]
    kept = [each != part for each, part in zip(after, parts, strict=True)]
    return (
        may.with_columns(pl.Series("after", written, dtype=pl.String)).filter(pl.Series(kept, dtype=pl.Boolean)).drop("is_document")
    )


def _spoken(part: Any) -> str:
    """All texts and names of a document, also as they are without the escapes of a regular expression."""
    text = "\n".join(_texts(part))
    return f"{text}\n{_unescaped(text)}"


def _unescaped(text: str) -> str:
    return text.replace("\\", "")


def _texts(part: Any) -> Iterable[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, list):
        for each in part:
            yield from _texts(each)
    elif isinstance(part, dict):
        for name, each in part.items():
            yield name
            yield from _texts(each)


def _pattern(names: Sequence[str]) -> re.Pattern[str]:
    """What finds these ids, the longest first, unless letters or digits go on before or after."""
    alternatives = "|".join(re.escape(name) for name in sorted(set(names), key=len, reverse=True))
    return re.compile(rf"(?<![^\W_])(?:{alternatives or '(?!)'})(?![^\W_])")


def _without(part: Any, pattern: re.Pattern[str]) -> Any:
    """A text or a document that names nobody."""
    if isinstance(part, str):
        said = pattern.sub(NOBODY, part)
        return NOBODY if pattern.search(_unescaped(said)) else said
    if isinstance(part, list):
        return [_without(each, pattern) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("rule") in FINDINGS:
        part = part | dict.fromkeys(part.keys() & set(SAID), NOBODY)
    return {_without(name, pattern): None if name in PEOPLE_KEYS else _without(each, pattern) for name, each in part.items()}
