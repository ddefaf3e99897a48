"""insights.user_profiles: what each user did lately, knows, can help with and prefers. Reads raw.users, raw.activity,
insights.expertise_scores of the same as_of, and the sums behind them. A part of a profile is a SELECT in `profiles/`."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.catalogue import INSIGHTS
from storage.changes import change
from storage.clock import reading_at
from storage.home import Home
from storage.transaction import transaction
from storage.warehouse import Limits, warehouse
from storage.write import remove
from tasks.insights.computation import FOLDER, Computation, InsightResult, check_inputs, define_macros, enter, select_of

ALL_ROLES = "default"
PARTS = {
    "people": ("as_of", "bot_pattern"),
    "standing": (),
    "recent_acts": ("as_of",),
    "preferences": ("default_roles", "default_keys", "default_values"),
}
"""With what each SELECT binds; the last reads the first."""
TABLE = INSIGHTS["user_profiles"]
Scalar = str | float | bool | None
Preferences = Mapping[str, Mapping[str, Scalar]]
"""Values by key, by role; those of `default` are for all roles, where a role has none of its own."""


def defaults_by_role(preferences: Preferences) -> dict[str, list[str]]:
    """The defaults as SQL binds them: roles, keys and values (JSON) side by side, with what is for all roles said for each."""
    for_all = preferences.get(ALL_ROLES, {})
    by_role = {role: {**for_all, **own} for role, own in {ALL_ROLES: for_all, **preferences}.items()}
    rows = [(role, key, json.dumps(value)) for role, values in by_role.items() for key, value in values.items()]
    return {name: [row[place] for row in rows] for place, name in enumerate(PARTS["preferences"])}


def make_parts(con: duckdb.DuckDBPyConnection, as_of: datetime, bot_pattern: str, preferences: Preferences) -> None:
    """Make each part a temporary table, one after the other and outside of a transaction: otherwise they take twice the memory.

    Raises:
        GovpulseError: the scores are of another as_of.
    """
    check_inputs(con, TABLE, as_of)
    define_macros(con)
    given = {"as_of": as_of, "bot_pattern": bot_pattern, **defaults_by_role(preferences)}
    for part, parameters in PARTS.items():
        sql = (FOLDER / "profiles" / f"{part}.sql").read_text()
        con.execute(f"CREATE OR REPLACE TEMP TABLE {part} AS {sql}", {name: given[name] for name in parameters})


def put_together(con: duckdb.DuckDBPyConnection, as_of: datetime) -> int:
    """Put the profiles that the parts make into the place of those before; returns how many. The transaction is the caller's."""
    remove(con, TABLE.full_name, "true")
    return change(con, TABLE.full_name, f"INSERT INTO {TABLE.full_name} BY NAME {select_of(TABLE.name)}", {"as_of": as_of})


@task(name="user_profiles", cache_policy=NO_CACHE)
def user_profiles(home: str, *, limits: Limits, as_of: datetime, bot_pattern: str, preferences: Preferences) -> InsightResult:
    """Compute the table as of `as_of`.

    Args:
        bot_pattern: who never acted is a bot with such an id (regular expression; empty: nobody), as is who did.
        preferences: those that hold where the platform stores none.

    Raises:
        GovpulseError: the scores are of another as_of; nothing is written.
    """
    started = time.monotonic()
    with warehouse(Home(Path(home)), limits) as con:
        read_at = reading_at(con, datetime.now(UTC))
        make_parts(con, as_of, bot_pattern, preferences)
        with transaction(con):
            rows = put_together(con, as_of)
            enter(con, Computation(TABLE.name, as_of, None, rows, time.monotonic() - started, read_at))
    return InsightResult(TABLE.name, rows, None)
