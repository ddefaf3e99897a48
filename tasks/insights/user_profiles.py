"""insights.user_profiles: what each user did lately, knows, can help with and prefers. Reads raw.users, raw.activity,
insights.expertise_scores of the same as_of, and the sums behind them. A part of a profile is a SELECT in `profiles/`."""

import json
from collections.abc import Mapping
from datetime import datetime

import duckdb

from storage.catalogue import INSIGHTS
from storage.relations import store
from storage.sql_files import sql_beside
from storage.write import fill, remove
from tasks.insights.insight import Insight, Underway

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
    `con` has to have the macros."""
    given = {"as_of": as_of, "bot_pattern": bot_pattern, **defaults_by_role(preferences)}
    for part, parameters in PARTS.items():
        store(con, part, sql_beside(__file__, f"profiles/{part}"), {name: given[name] for name in parameters})


def put_together(con: duckdb.DuckDBPyConnection, as_of: datetime) -> int:
    """Put the profiles that the parts make into the place of those before; returns how many. The transaction is the caller's."""
    remove(con, TABLE.full_name, "true")
    return fill(con, TABLE.full_name, sql_beside(__file__, TABLE.name), {"as_of": as_of})


def compute_profiles(underway: Underway) -> None:
    """Make the parts, and of these the table.

    What it takes: `bot_pattern`, by which who never acted is a bot (regular expression; empty: nobody), as is who did; and
    `preferences`, those that hold where the platform stores none.
    """
    given = underway.given
    with underway.reading() as con:
        make_parts(con, underway.as_of, given["bot_pattern"], given["preferences"])
        with underway.writing(con):
            underway.rows = put_together(con, underway.as_of)


USER_PROFILES = Insight(
    __file__,
    reads=("users", "activity"),
    takes={"bot_pattern": "expertise.rules.bot_pattern", "preferences": "profiles.preferences"},
    compute=compute_profiles,
)
