"""Who was forgotten and stands in the tables again, for an older backup was put back: they are known by their hashes, and go."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import duckdb

from storage.catalogue import DATASETS
from storage.journal.noting import note_act
from storage.people.forgetting import is_of_a_user, take_out, user_columns
from storage.people.mentions import known_people, stand_in, tables, texts, with_others
from storage.people.person import Person
from storage.relations import has_rows
from storage.transaction import transaction

SUBJECTS = {
    "alerts.alerts": "subject",
    "alerts.transitions": "subject",
    "alerts.notifications": "message ->> 'subject'",
}
DOCUMENTS = {"alerts.alerts": "labels", "alerts.silences": "matchers", "alerts.notifications": "message"}
"""Where a person may stand as a whole value, beside columns for users and the documents of insights."""


def forget_again(con: duckdb.DuckDBPyConnection, now: datetime) -> dict[str, int]:
    """Take everybody out of every table who is in ops.forgotten, in one transaction; returns rows changed or deleted by table.

    Of a person a hash is all there is, so all values that may be somebody's id are hashed, each once.
    """
    if not has_rows(con, "ops.forgotten"):
        return {}
    with transaction(con):
        found: Counter[str] = Counter()
        for person, is_told in _standing(con):
            found += take_out(con, with_others(con, person), is_told)
        if found:
            note_act(con, "forget_again", at=now)
        return {name: found[name] for name, _ in tables() if found[name]}


def _standing(con: duckdb.DuckDBPyConnection) -> list[tuple[Person, bool]]:
    """Who stands there, the longest id first, for it may hold a shorter one; and whether the id is looked for in texts."""
    mentioned = known_people(con, [(name, column, True) for name, table in tables() for column in texts(table)])
    found = {person.user_id: (person, True) for person in mentioned}
    known = con.execute(
        "SELECT value, forgotten_id, letters IS NOT NULL, coalesce(is_hashed, false)"
        f" FROM (SELECT DISTINCT value FROM ({' UNION ALL '.join(_values())}) WHERE value IS NOT NULL)"
        " JOIN ops.forgotten ON forgotten_id = sha256(salt || value)"
    ).fetchall()
    for user_id, forgotten_id, is_told, is_hashed in known:
        found.setdefault(user_id, (Person(user_id, stand_in(forgotten_id) if is_told and is_hashed else None), is_told))
    return sorted(found.values(), key=lambda each: (-len(each[0].user_id), each[0].user_id))


def _values() -> Iterator[str]:
    """SQL: what may be the id of somebody, from where it is a value of its own."""
    for name, table in tables():
        for column in user_columns(table):
            yield f"SELECT DISTINCT {column.name} AS value FROM {name} WHERE {is_of_a_user(column)}"
        for column in table.columns:
            if column.type == "JSON" and (table.schema == "insights" or DOCUMENTS.get(name) == column.name):
                yield (
                    "SELECT DISTINCT unnest([part.key, CASE WHEN part.type = 'VARCHAR' THEN part.atom ->> '$' END]) AS value"
                    f" FROM {name}, json_tree({name}.{column.name}) AS part WHERE {name}.{column.name} IS NOT NULL"
                )
        if name in SUBJECTS:
            yield f"SELECT DISTINCT {SUBJECTS[name]} AS value FROM {name}"
    for table in DATASETS.values():
        for column in user_columns(table):
            yield f"SELECT DISTINCT row ->> '{column.name}' AS value FROM ops.rejected_rows WHERE dataset = '{table.name}'"
