"""Which sums are carried from one computation to the next, and when they are made anew."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from storage.relations import count_rows
from storage.sql_files import sql_beside
from tasks.insights.expertise.rules import DEFINITION, ExpertiseRules

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
SETTLED_AFTER = timedelta(days=1)
"""Acts change for a while after they were first seen: what is carried ends so long before as_of, where a UTC day begins, for what
is done in bulk is summed by the day."""
CARRIED_FOR = timedelta(days=2)
"""Once a day everything is read again."""


@dataclass(frozen=True)
class Carried:
    """The acts whose sums are carried: those before `until`, in so many rows of raw.activity."""

    until: datetime
    rows: int


def read_carried(con: duckdb.DuckDBPyConnection, as_of: datetime, reference_at: datetime, rules: ExpertiseRules) -> Carried | None:
    """What can be carried to `as_of`; None where there is nothing, or it is old, or of other weights, or of other acts.

    What is loaded of acts that were summed is noted by the loader (storage.intake.carried_sums); rows that came or went otherwise
    show in their number.
    """
    found = con.execute(
        sql_beside(__file__, "carried"),
        {"weights": made_with(con, rules), "reference_at": reference_at, "oldest": as_of - CARRIED_FOR, "as_of": as_of},
    ).fetchall()
    carried = Carried(*found[0]) if found else None
    return carried if carried and carried.rows == _rows_before(con, carried.until) else None


def made_with(con: duckdb.DuckDBPyConnection, rules: ExpertiseRules) -> str:
    """What sums depend on beside the acts, as JSON: the weights, and whose ids are whose. `con` has to have the macros."""
    people = con.execute(sql_beside(__file__, "people_hash")).fetchall()[0][0]
    return json.dumps(rules.weights | {"people": people, "definition": DEFINITION})


def begin_carrying(con: duckdb.DuckDBPyConnection, as_of: datetime) -> Carried:
    """What is to be summed anew, and carried from now on."""
    until = (as_of - SETTLED_AFTER).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Carried(until, _rows_before(con, until))


def _rows_before(con: duckdb.DuckDBPyConnection, until: datetime) -> int:
    return count_rows(con, "raw.activity", "occurred_at < $until", {"until": until})
