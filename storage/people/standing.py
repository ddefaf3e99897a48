"""Who was forgotten and stands in the tables all the same: they are known by their hashes."""

from collections.abc import Iterator, Sequence

import duckdb

from storage.catalogue import DATASETS, Table
from storage.people.columns import is_of_a_user, user_columns
from storage.people.mentions import filled_tables, known_people, stand_in, texts
from storage.people.person import Person

SUBJECTS = {
    "alerts.alerts": "subject",
    "alerts.transitions": "subject",
    "alerts.notifications": "message ->> 'subject'",
}
DOCUMENTS = {"alerts.alerts": "labels", "alerts.silences": "matchers", "alerts.notifications": "message"}
"""Where a person may stand as a whole value, beside columns for users and the documents of insights."""


def standing(con: duckdb.DuckDBPyConnection) -> list[tuple[Person, bool]]:
    """Who stands there, the longest id first, for it may hold a shorter one; and whether the id is looked for in texts."""
    filled = filled_tables(con)
    mentioned = known_people(con, [(name, column, True) for name, table in filled for column in texts(table)])
    found = {person.user_id: (person, True) for person in mentioned}
    known = con.execute(
        "SELECT value, forgotten_id, letters IS NOT NULL, coalesce(is_hashed, false)"
        f" FROM (SELECT DISTINCT value FROM ({' UNION ALL '.join(_values(filled))}) WHERE value IS NOT NULL)"
        " JOIN ops.forgotten ON forgotten_id = sha256(salt || value)"
    ).fetchall()
    for user_id, forgotten_id, is_told, is_hashed in known:
        found.setdefault(user_id, (Person(user_id, stand_in(forgotten_id) if is_told and is_hashed else None), is_told))
    return sorted(found.values(), key=lambda each: (-len(each[0].user_id), each[0].user_id))


def _values(filled: Sequence[tuple[str, Table]]) -> Iterator[str]:
    """SQL: what may be the id of somebody, from where it is a value of its own."""
    for name, table in filled:
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
