"""insights.expertise_scores: what each user knows of each domain, and who can help now. Reads raw.activity and raw.users.

The table is a view of sums (migration 0008). Those of acts before yesterday are carried from one computation to the next while
nothing of them changes, so that an hour costs what was done since. Carried or not, they are the same to the last bit.
"""

from datetime import datetime

import duckdb
import polars as pl

from storage.catalogue import TABLES
from storage.changes import change
from storage.frames import registered
from storage.relations import has_rows
from storage.sql_files import sql_beside
from storage.write import fill, remove, replace
from tasks.insights.expertise.carrying import BEGINNING, Carried, begin_carrying, made_with, read_carried
from tasks.insights.expertise.rules import ExpertiseRules
from tasks.insights.insight import Insight, Underway

STATE = TABLES["state.expertise"]


def compute_sums(con: duckdb.DuckDBPyConnection, as_of: datetime, rules: ExpertiseRules) -> int:
    """Bring the sums to `as_of`; returns how many rows were written. The transaction is the caller's."""
    reference_at = rules.reference_at(as_of)
    carried, rows = read_carried(con, as_of, reference_at, rules), 0
    if carried is None:
        carried = begin_carrying(con, as_of)
        rows += _sum(con, "state.expertise_carried", BEGINNING, carried.until, reference_at, rules)
    rows += _sum(con, "state.expertise_recent", carried.until, as_of, reference_at, rules)
    with registered(con, "given", pl.DataFrame([_state(con, as_of, reference_at, carried, rules)])):
        replace(con, STATE, "given")
    remove(con, "state.expertise_users", "true")
    given = {"as_of": as_of, "bot_acts_per_day": rules.bot_acts_per_day, "bot_pattern": rules.bot_pattern}
    return rows + change(con, "state.expertise_users", sql_beside(__file__, "expertise/users"), given)


def _sum(
    con: duckdb.DuckDBPyConnection, table: str, since: datetime, until: datetime, reference_at: datetime, rules: ExpertiseRules
) -> int:
    """Put the sums of the acts from `since` until `until` into the place of those in `table`."""
    remove(con, table, "true")
    parameters = {"since": since, "until": until, "reference_at": reference_at, **rules.weights}
    return fill(con, table, sql_beside(__file__, "expertise_scores"), parameters)


def _state(
    con: duckdb.DuckDBPyConnection, as_of: datetime, reference_at: datetime, carried: Carried, rules: ExpertiseRules
) -> dict[str, object]:
    competent, proficient, expert = rules.level_shares
    return {
        "as_of": as_of,
        "carried_until": carried.until,
        "carried_rows": carried.rows,
        "reference_at": reference_at,
        "weights": made_with(con, rules),
        "half_life_days": rules.half_life_days,
        "knowledge_prior": rules.knowledge_prior,
        "availability_prior": rules.availability_prior,
        "minimum_knowledge": rules.minimum_knowledge,
        "competent_share": competent,
        "proficient_share": proficient,
        "expert_share": expert,
        "domain_separator": rules.domain_separator,
        "is_sample": has_rows(con, "raw.activity", "source = 'sample'"),
    }


def compute_scores(underway: Underway) -> None:
    """Bring the sums to as_of; what is counted is the sums and users written."""
    with underway.reading() as con, underway.writing(con):
        underway.rows = compute_sums(con, underway.as_of, underway.given["rules"])


EXPERTISE_SCORES = Insight(__file__, reads=("activity", "users"), takes={"rules": "expertise.rules"}, compute=compute_scores)
