"""Rows on their way in: those who were forgotten are known by their hashes, and left out again."""

import duckdb
import polars as pl

from storage.catalogue import Column, Table
from storage.frames import registered
from storage.people.columns import is_of_a_user, user_columns
from storage.people.forgetting import IS_KNOWN
from storage.people.mentions import change_values, known_people, put_right, texts, with_others
from storage.people.person import Person
from storage.relations import has_rows
from storage.sql_files import sql_beside
from storage.write import remove

PAYLOAD = Column("payload", "JSON", "a refused row as it came")


def leave_out_forgotten(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Take those who were forgotten out of the relation `checked` before its rows go into `table`, or are kept as refused."""
    if not has_rows(con, "ops.forgotten"):
        return
    for column in user_columns(table):
        _leave_out(con, column)
    columns = [("checked", column, column.is_sentence) for column in texts(table)]
    for person in known_people(con, [*columns, ("checked", PAYLOAD, True)]):
        _put_right(con, table, with_others(con, person, *_people_of(table)))


def _leave_out(con: duckdb.DuckDBPyConnection, column: Column) -> None:
    name = column.name
    known = f"{name} IN (SELECT {name} FROM (SELECT DISTINCT {name} FROM checked) WHERE {IS_KNOWN.format(id=name)})"
    known += f" AND {is_of_a_user(column)}"
    if column.is_required:
        remove(con, "checked", known)
    else:
        without = f"payload = json_merge_patch(payload, '{{\"{name}\": null}}')"
        con.execute(f"UPDATE checked SET {name} = NULL, {without} WHERE {known}")


def _people_of(table: Table) -> tuple[str, ...]:
    return ("checked",) if "user_id" in table.column_names else ()


def _put_right(con: duckdb.DuckDBPyConnection, table: Table, person: Person) -> None:
    for column in texts(table):
        put_right(con, "checked", column, person)
    change_values(con, "checked", PAYLOAD, person.user_id, person.without)
    _put_reasons_right(con, person)


def _put_reasons_right(con: duckdb.DuckDBPyConnection, person: Person) -> None:
    """Why a row is refused may quote it."""
    found = con.execute(sql_beside(__file__, "reasons_that_name"), {"id": person.user_id}).fetchall()
    before = [reasons for (reasons,) in found]
    after = [[person.without(reason) for reason in reasons] for reasons in before]
    if before != after:
        with registered(con, "changed_reasons", pl.DataFrame({"before": before, "after": after})):
            con.execute(sql_beside(__file__, "put_reasons_right"))
