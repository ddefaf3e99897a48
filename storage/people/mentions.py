"""Where a person is mentioned outside of the columns for users: in sentences, and in ids that contain theirs.

Sentences are put right always, ids where that was asked for: other rows, and the platform, go by them. Rows that come in later are
recognised by hashes alone: each run of as many parts as a forgotten id has is hashed, of distinct values only.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb
import polars as pl

from storage.catalogue import TABLES, Column, Table
from storage.changes import change
from storage.frames import registered
from storage.people.person import Person, in_document
from storage.sql_files import sql_beside

PARTS = r"regexp_extract_all({text}, '[\pL\pM\pN]+|[^\pL\pM\pN]')"
"""SQL: a text in parts: what letters and digits make up, and each character between."""
KINDS = frozenset(
    {
        *("environment", "service", "status", "source_status", "scan_type", "activity_type", "action", "resource_type"),
        *("role", "team", "metric", "unit", "kind", "severity", "rule"),
    }
)
"""Columns of kinds of things: what is called like one of them cannot be told from it."""
OPERATORS = frozenset({"source", "channel", "rule"})
"""Columns of names that the settings give: they go on under these."""
PEOPLE = tuple(name for name, table in TABLES.items() if table.schema in ("raw", "state") and "user_id" in table.column_names)
"""Where other people's ids are."""
EXAMPLES = 3


@dataclass(frozen=True)
class Holding:
    """A column that holds the person within other values."""

    column: str
    rows: int
    examples: tuple[str, ...]


def tables() -> Iterator[tuple[str, Table]]:
    """Every table that holds rows of its own, by its name; those of `history` too."""
    for name, table in TABLES.items():
        if table.verb != "view" and name != "ops.forgotten":
            yield name, table
        if table.has_history:
            yield f"history.{table.name}", table


def filled_tables(con: duckdb.DuckDBPyConnection) -> list[tuple[str, Table]]:
    """Those of `tables` that hold a row."""
    looks = [f"SELECT '{name}' WHERE EXISTS (FROM {name})" for name, _ in tables()]
    filled = {name for (name,) in con.execute(" UNION ALL ".join(looks)).fetchall()}
    return [(name, table) for name, table in tables() if name in filled]


def texts(table: Table) -> list[Column]:
    return [column for column in table.columns if column.type in ("VARCHAR", "JSON")]


def is_a_kind(con: duckdb.DuckDBPyConnection, user_id: str) -> bool:
    """Whether a kind of thing is called like that, such as an environment or a role."""
    looks = [
        f"SELECT 1 FROM {name} WHERE lower({column.name}) = lower($id)"
        for name, table in filled_tables(con)
        for column in texts(table)
        if column.name in KINDS
    ]
    return bool(looks) and bool(con.execute(" UNION ALL ".join(looks) + " LIMIT 1", {"id": user_id}).fetchall())


def other_people(con: duckdb.DuckDBPyConnection, user_id: str, *more: str) -> tuple[str, ...]:
    """Ids of others that hold this one; also those in the column `user_id` of the relations `more`."""
    looks = [f"SELECT user_id FROM {name} WHERE contains(user_id, $id) AND user_id <> $id" for name in (*PEOPLE, *more)]
    return tuple(sorted(row[0] for row in con.execute(" UNION ".join(looks), {"id": user_id}).fetchall()))


def namesakes(con: duckdb.DuckDBPyConnection, user_id: str) -> tuple[str, ...]:
    """Ids that differ from this one in capital letters alone."""
    looks = [f"SELECT user_id FROM {name} WHERE lower(user_id) = lower($id) AND user_id <> $id" for name in PEOPLE]
    return tuple(sorted(row[0] for row in con.execute(" UNION ".join(looks), {"id": user_id}).fetchall()))


def take_mentions_out(con: duckdb.DuckDBPyConnection, person: Person) -> dict[str, int]:
    """Put sentences right, and ids where the person has a stand-in; returns changed rows by table."""
    changed = {name: sum(put_right(con, name, column, person) for column in texts(table)) for name, table in filled_tables(con)}
    return {name: rows for name, rows in changed.items() if rows}


def put_right(con: duckdb.DuckDBPyConnection, relation: str, column: Column, person: Person) -> int:
    """One column of `relation`; returns changed rows."""
    if column.is_sentence:
        put = person.without
    elif person.stand_in and column.name not in OPERATORS:
        put = person.without_part
    else:
        return 0
    return change_values(con, relation, column, person.user_id, put)


def change_values(con: duckdb.DuckDBPyConnection, relation: str, column: Column, user_id: str, put: Callable[[str], str]) -> int:
    """Send the values of a column that hold the id through `put`, each once; returns changed rows."""
    before = [value for value, _ in _values(con, relation, column, user_id)]
    after = [in_document(value, put) if column.type == "JSON" else put(value) for value in before]
    pairs = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    if not pairs:
        return 0
    with registered(con, "changed_values", pl.DataFrame(pairs, schema=["before", "after"], orient="row")):
        return change(
            con,
            relation,
            f"UPDATE {relation} SET {column.name} = CAST(changed_values.after AS {column.type}) FROM changed_values"
            f" WHERE CAST({column.name} AS VARCHAR) = changed_values.before",
        )


def _values(con: duckdb.DuckDBPyConnection, relation: str, column: Column, user_id: str) -> list[tuple[str, int]]:
    """The distinct values that may hold the id, with their rows; of documents also those that may spell it otherwise."""
    text = f"CAST({column.name} AS VARCHAR)"
    where = f"contains({text}, $id)" + (rf" OR contains({text}, '\')" if column.type == "JSON" else "")
    return con.execute(f"SELECT {text}, count(*) FROM {relation} WHERE {where} GROUP BY ALL", {"id": user_id}).fetchall()


def holdings(con: duckdb.DuckDBPyConnection, person: Person) -> list[Holding]:
    """What holds the person still, the most rows first."""
    found = [_holding(con, name, column, person) for name, table in filled_tables(con) for column in texts(table)]
    return sorted((each for each in found if each.rows), key=lambda each: (-each.rows, each.column))


def _holding(con: duckdb.DuckDBPyConnection, name: str, column: Column, person: Person) -> Holding:
    values = _values(con, name, column, person.user_id)
    held = [(held_in(value, person) if column.type == "JSON" else person.around(value), rows) for value, rows in values]
    examples = {word for words, _ in held for word in words}
    return Holding(f"{name}.{column.name}", sum(rows for words, rows in held if words), tuple(sorted(examples)[:EXAMPLES]))


def held_in(document: str, person: Person) -> list[str]:
    """The words and longer ids of a JSON document that hold the person."""
    found: list[str] = []

    def look(text: str) -> str:
        found.extend(person.around(text))
        return text

    in_document(document, look)
    return found


def known_people(con: duckdb.DuckDBPyConnection, columns: Sequence[tuple[str, Column, bool]]) -> list[Person]:
    """Who of the forgotten is mentioned, the longest id first, for it may hold a shorter one.

    Args:
        columns: relation, column, and whether it is of sentences, in which all are looked for, and not those alone who have a
            stand-in in ids.
    """
    counts = con.execute(sql_beside(__file__, "forgotten_sizes")).fetchall()
    if not counts or not columns:
        return []
    looks = [
        _look(relation, column, parts, hashed_only=not is_prose)
        for relation, column, is_prose in columns
        for parts in {parts for parts, is_hashed in counts if is_prose or is_hashed}
    ]
    if not looks:
        return []
    found = con.execute(f"SELECT part, bool_or(is_hashed), min(hash) FROM ({' UNION '.join(looks)}) GROUP BY part").fetchall()
    people = [Person(part, stand_in(known) if is_hashed else None) for part, is_hashed, known in found]
    return sorted(people, key=lambda person: (-len(person.user_id), person.user_id))


def stand_in(forgotten_id: str) -> str:
    """What stands for a forgotten person in longer ids, the same in all of them."""
    return f"forgotten-{forgotten_id[:16]}"


def _look(relation: str, column: Column, parts: int, *, hashed_only: bool) -> str:
    """SQL: the runs of so many parts that are the id of somebody forgotten."""
    values = f"SELECT DISTINCT {column.name} AS value FROM {relation} WHERE {column.name} IS NOT NULL"
    if column.type == "JSON":
        tree = f"FROM {relation}, json_tree({relation}.{column.name}) AS part WHERE {relation}.{column.name} IS NOT NULL"
        values = f"SELECT DISTINCT unnest([part.key, CASE WHEN part.type = 'VARCHAR' THEN part.atom ->> '$' END]) AS value {tree}"
    run = f"array_to_string(parts[start : start + {parts - 1}], '')" if parts > 1 else "parts[start]"
    known = f"FROM ops.forgotten WHERE parts = {parts} AND letters IS NOT NULL{' AND is_hashed' if hashed_only else ''}"
    return f"""
        SELECT part, is_hashed, hash FROM (
            SELECT unnest(list_transform(range(1, len(parts) - {parts - 2}), lambda start: {run})) AS part
            FROM (SELECT {PARTS.format(text="value")} AS parts FROM ({values}) WHERE value IS NOT NULL)
        ) JOIN (SELECT forgotten_id AS hash, letters, coalesce(is_hashed, false) AS is_hashed {known})
        ON letters = length(part) AND hash = sha256((SELECT max(salt) FROM ops.forgotten) || part)
        WHERE length(part) IN (SELECT letters {known})
    """


def with_others(con: duckdb.DuckDBPyConnection, person: Person, *more: str) -> Person:
    return replace(person, others=other_people(con, person.user_id, *more))
