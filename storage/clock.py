"""Whether this machine's clock can be believed, by the instants in our own books: the starts of runs, and the loads.

They are written every few minutes. So where they go on right after `now`, or most of them lie after it, it is the clock that was
set back, and they are right. Where there is nothing for hours and then a few, these were written by a clock that was ahead.
"""

from datetime import datetime, timedelta

import duckdb

from storage.instants import CLOCKS_DIFFER
from storage.relations import greatest
from storage.sql_files import sql_beside

SILENT = timedelta(hours=3)
"""A home that runs writes into its books more often."""
SETTLED_AFTER = timedelta(hours=20)
"""A clock that stands where it is for so long is believed; maintenance comes once a day, not to the minute."""
MOST_LEAP = timedelta(days=3)
"""How far a clock may be beyond what was written before: a home that was off for a weekend is as it was."""


def believed(con: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    """`now`; where the clock is behind the books, their latest instant, at which time stands still until the clock gets there."""
    limit = now + CLOCKS_DIFFER
    first, last = con.execute(sql_beside(__file__, "statements/books_ahead"), {"bound": limit}).fetchall()[0]
    if first is None:
        return now
    behind, ahead = con.execute(sql_beside(__file__, "statements/hours_of_books"), {"now": now}).fetchall()[0]
    return max(last, _last_computed(con) or last) if first <= limit + SILENT or ahead > behind else now


def reading_at(con: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    """When a computation reads: later than every load and every computation before it, though the clock may have been put back. By
    this order is told what is not shown yet."""
    loaded_at = greatest(con, "ops.loads", "loaded_at")
    before = [instant for instant in (loaded_at, _last_computed(con)) if instant]
    return max([now, *(instant + timedelta(microseconds=1) for instant in before)])


def _last_computed(con: duckdb.DuckDBPyConnection) -> datetime | None:
    latest: datetime | None = greatest(con, "ops.computations", "computed_at")
    return latest


def is_settled(con: duckdb.DuckDBPyConnection, now: datetime) -> bool:
    """Whether the clock has been about where it is for a day. One that has just leapt must delete nothing by age."""
    found = con.execute(sql_beside(__file__, "statements/last_noted"), {"bound": now - SETTLED_AFTER}).fetchall()
    return has_settled(found[0][0], now)


def has_settled(noted_at: datetime | None, now: datetime) -> bool:
    """The same, by the latest thing that is known from before SETTLED_AFTER; where there is none, there is nothing to lose."""
    return noted_at is None or now - noted_at <= SETTLED_AFTER + MOST_LEAP
