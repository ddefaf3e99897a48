"""Addresses of people that are stored already: what stands for them takes their places, in one transaction, once.

In columns for users, of raw, insights, history and refused rows; as words in what was computed and told of them, so that findings
and alerts go on. What the platform says otherwise, names and messages, stays, for it comes in as it is. What computations carry is
made anew.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

import duckdb
import polars as pl

from storage.catalogue import DATASETS, Column, Table
from storage.changes import change
from storage.frames import registered
from storage.home import Home
from storage.intake.contract import key_text
from storage.intake.rejected_rows import REJECTED_ID
from storage.journal.noting import note_act
from storage.limits import Limits
from storage.maintenance import compact
from storage.people.columns import is_of_a_user, user_columns
from storage.people.mentioned_addresses import MentionedAddresses
from storage.people.mentions import OPERATORS, change_values, tables, texts
from storage.people.person_secret import find_pseudonyms
from storage.people.pseudonyms import AT, PREFIX, Addresses, Pseudonyms
from storage.people.renaming import rename_rows, renaming_alerts
from storage.relations import has_rows
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.write import ranked, remove, update

SECRETS = "ops.person_secret"
REFUSED = "ops.rejected_rows"
TELLING = ("insights", "alerts")
"""Schemas of what was computed and told."""
AS_IN_FILES = ("alerts.rules",)
"""What somebody else's file says: it is read from there again."""


def settle_addresses(home: Home, limits: Limits, rule: Addresses, now: datetime) -> bool:
    """Hash what is stored, where the rule is `hash` and it has not been done; returns whether there was anything.

    The file is written anew behind it, for deleted rows stay readable in one. Killed in between, the next time does what is left.

    Raises:
        GovpulseError: there is something to do, and the secret is lost or another one.
    """
    if rule != "hash":
        return False
    with warehouse(home, limits) as con:
        if _is_rewritten(con):
            return False
        hash_stored(con, find_pseudonyms(con, home, rule, now), now)
        if _is_rewritten(con):
            return False
        compact(con, home)
    with warehouse(home, limits) as con, transaction(con):
        update(con, SECRETS, {"rewritten_at": now}, "hashed_at IS NOT NULL")
    return True


def read_pseudonyms(home: Home, limits: Limits, rule: Addresses, now: datetime) -> Pseudonyms:
    """What becomes of addresses on their way in.

    Raises:
        GovpulseError: the secret is lost, or another one than that of the warehouse.
    """
    with warehouse(home, limits) as con:
        return find_pseudonyms(con, home, rule, now)


def note_addresses(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Note, before the rows of the relation `checked` go into `table`, whether they have addresses: files from before may."""
    held = [f"(contains({column.name}, '{AT}') AND {is_of_a_user(column)})" for column in user_columns(table)]
    if held and has_rows(con, SECRETS, "hashed_at IS NOT NULL"):
        found = f"EXISTS (SELECT 1 FROM checked WHERE {' OR '.join(held)})"
        update(con, SECRETS, {"hashed_at": None, "rewritten_at": None}, found)


def hash_stored(con: duckdb.DuckDBPyConnection, pseudonyms: Pseudonyms, now: datetime) -> None:
    """Put what stands for them in the place of all addresses in columns for users, and wherever these are mentioned."""
    if has_rows(con, SECRETS, "hashed_at IS NOT NULL"):
        return
    with transaction(con):
        found = {address: pseudonyms.of(address) for address in _addresses(con)}
        stands_for = {address: stands for address, stands in found.items() if address != stands}
        if stands_for:
            note_act(con, "hash_stored", at=now)
            _put(con, stands_for)
        rewritten_at = None if stands_for else now
        update(con, SECRETS, {"hashed_at": now, "rewritten_at": rewritten_at})


def _is_rewritten(con: duckdb.DuckDBPyConnection) -> bool:
    return has_rows(con, SECRETS, "rewritten_at IS NOT NULL")


def _user_columns() -> Iterator[tuple[str, Table, Column]]:
    for name, table in tables():
        for column in user_columns(table):
            yield name, table, column


def _refused(table: Table) -> str:
    """The refused rows of a dataset, with its columns as texts, beside their ids."""
    columns = ", ".join(f"row ->> '{column.name}' AS {column.name}" for column in texts(table))
    return f"(SELECT rejected_id, {columns} FROM ops.rejected_rows WHERE dataset = '{table.name}')"


def _addresses(con: duckdb.DuckDBPyConnection) -> list[str]:
    looks = [(name, column) for name, _, column in _user_columns()]
    looks += [(_refused(table), column) for table in DATASETS.values() for column in user_columns(table)]
    selects = [
        f"SELECT {column.name} AS id FROM {relation} WHERE contains({column.name}, '{AT}') AND {is_of_a_user(column)}"
        for relation, column in looks
    ]
    return [row[0] for row in con.execute(" UNION ".join(selects) + " ORDER BY id").fetchall()]


def _put(con: duckdb.DuckDBPyConnection, stands_for: Mapping[str, str]) -> None:
    frame = pl.DataFrame({"address": list(stands_for), "stand_in": list(stands_for.values())})
    with registered(con, "stands_for", frame):
        for name, _, column in _user_columns():
            where = f"{column.name} = address AND {is_of_a_user(column)}"
            change(con, name, f"UPDATE {name} SET {column.name} = stand_in FROM stands_for WHERE {where}")
        for table in DATASETS.values():
            _put_in_refused(con, table)
    _put_in_what_was_told(con, MentionedAddresses(stands_for))
    for name, table in tables():
        if table.schema == "state":
            remove(con, name, "true")
        elif table.key and not _is_keyed_by_others(name, table):
            _drop_doubles(con, name, table)


def _put_in_what_was_told(con: duckdb.DuckDBPyConnection, mentioned: MentionedAddresses) -> None:
    with renaming_alerts(con, lambda name: AT in name):
        for name, table in _telling():
            for column in texts(table):
                if column.name not in OPERATORS:
                    change_values(con, name, column, AT, mentioned.renamed)
    rename_rows(con, PREFIX)


def _telling() -> Iterator[tuple[str, Table]]:
    """Tables, and those of `history`, of what was computed and told."""
    return ((name, table) for name, table in tables() if table.schema in TELLING and name not in AS_IN_FILES)


def _put_in_refused(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """As if they had come in hashed."""
    for column in user_columns(table):
        found = (
            f"(SELECT rejected_id AS found_id, address, stand_in FROM {_refused(table)} JOIN stands_for ON {column.name} = address"
            f" WHERE {is_of_a_user(column)})"
        )
        said = f"UPDATE ops.rejected_rows SET row = {_with_stand_in(column.name)} FROM {found} WHERE rejected_id = found_id"
        change(con, REFUSED, said)
    if any(column.name in table.own_key for column in user_columns(table)):
        change(
            con,
            REFUSED,
            f"UPDATE ops.rejected_rows SET key = said FROM (SELECT rejected_id AS found_id, {key_text(table)} AS said"
            f" FROM {_refused(table)}) WHERE rejected_id = found_id AND contains(key, '{AT}')",
        )
    if not user_columns(table):
        return
    change(con, REFUSED, f"UPDATE ops.rejected_rows SET rejected_id = {REJECTED_ID} WHERE dataset = '{table.name}'")


def _with_stand_in(name: str) -> str:
    """SQL: a refused row, in whose text one value is another and the names stay in their order, for its hash depends on it."""
    before, after = (f"'\"{name}\":' || to_json({value})" for value in ("address", "stand_in"))
    replaced = f"replace(CAST(json_merge_patch(row, '{{}}') AS VARCHAR), {before}, {after})"
    patched = f"json_merge_patch(row, json_object('{name}', stand_in))"
    return f"CASE WHEN contains({replaced}, {after}) THEN CAST({replaced} AS JSON) ELSE {patched} END"


def _is_keyed_by_others(name: str, table: Table) -> bool:
    """Whether no key can have changed."""
    is_told = table.schema in TELLING or name == "ops.rejected_rows"
    return not is_told and not any(column.name in table.key for column in user_columns(table))


def _drop_doubles(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    """Of rows that have become one, for one address was written in two ways, the newest stays."""
    key = ", ".join(dict.fromkeys((*table.key, "as_of") if name.startswith("history.") else table.key))
    newest = f"row({', '.join(ranked(table))}) DESC"
    places = f"SELECT rowid AS place, row_number() OVER (PARTITION BY {key} ORDER BY {newest}) AS number FROM {name}"
    remove(con, name, f"rowid IN (SELECT place FROM ({places}) WHERE number > 1)")
