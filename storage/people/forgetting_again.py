"""Who was forgotten and stands in the tables again, for an older backup was put back: they go."""

from datetime import datetime

import duckdb

from storage.journal.noting import note_act
from storage.people.forgetting import take_out_again
from storage.people.mentions import tables
from storage.relations import has_rows
from storage.transaction import transaction


def forget_again(con: duckdb.DuckDBPyConnection, now: datetime) -> dict[str, int]:
    """Take everybody out of every table who is in ops.forgotten, in one transaction; returns rows changed or deleted by table.

    Of a person a hash is all there is, so all values that may be somebody's id are hashed, each once.
    """
    if not has_rows(con, "ops.forgotten"):
        return {}
    with transaction(con):
        found = take_out_again(con)
        if found:
            note_act(con, "forget_again", at=now)
        return {name: found[name] for name, _ in tables() if found[name]}
