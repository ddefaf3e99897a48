"""What is identified by a hash of its names goes on under the hash of its new ones: nothing ends and begins again, and nobody can
find out from the old hash what the name was."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

from storage.catalogue import TABLES, Column
from storage.changes import change
from storage.fingerprints import fingerprint, row_id
from storage.relations import values_of
from storage.sql_files import sql_beside
from storage.write import update

HELD = ("alerts.alerts", "alerts.transitions", "alerts.notifications", "alerts.silences")
"""Tables with the fingerprint of an alert."""


@contextmanager
def renaming_alerts(con: duckdb.DuckDBPyConnection, is_in: Callable[[str], bool]) -> Iterator[None]:
    """Inside the block alerts get other names, of those in whose names is what is looked for."""
    before = {print_: names for print_, *names in _alerts(con) if any(map(is_in, names))}
    yield
    for print_, rule, subject, labels in _alerts(con):
        if print_ in before and before[print_] != [rule, subject, labels]:
            _rename_alert(con, print_, fingerprint(rule, subject, list(json.loads(labels).items())))


def _alerts(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, str]]:
    return con.execute(sql_beside(__file__, "names_of_alerts")).fetchall()


def _rename_alert(con: duckdb.DuckDBPyConnection, before: str, after: str) -> None:
    for name in HELD:
        update(con, name, {"fingerprint": after}, "fingerprint = $before", {"before": before})
    names = {"before": json.dumps(before), "after": json.dumps(after)}
    change(con, "alerts.notifications", sql_beside(__file__, "rename_in_messages"), names)


def rename_rows(con: duckdb.DuckDBPyConnection, stand_in: str | None) -> None:
    """Rows that are identified by the hash of columns of which one got a stand-in."""
    for table in TABLES.values() if stand_in is not None else ():
        for column in table.columns:
            if column.hash_of:
                _rename_hashed(con, table.full_name, column, stand_in)


def _rename_hashed(con: duckdb.DuckDBPyConnection, name: str, column: Column, stand_in: str | None) -> None:
    holds = " OR ".join(f"contains(CAST({each} AS VARCHAR), $stand_in)" for each in column.hash_of)
    found = values_of(con, name, column.name, *column.hash_of, where=holds, parameters={"stand_in": stand_in})
    for before, *values in found:
        update(con, name, {column.name: row_id(*values)}, f"{column.name} = $before", {"before": before})
