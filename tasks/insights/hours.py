"""Tables by the hour: which hours a computation makes anew."""

from collections.abc import Callable
from datetime import datetime

import duckdb

from storage.intake.ledger import uncovered_since
from tasks.insights.insight import Underway


def hour_of(instant: datetime) -> datetime:
    """The start of the hour that `instant` lies in."""
    return instant.replace(minute=0, second=0, microsecond=0)


def choose_window_start(as_of: datetime, asked: datetime | None, uncovered: datetime | None) -> datetime:
    """From where to compute: as asked; else the hour of the oldest rows that no computation has seen, or this hour."""
    return hour_of(asked or min(uncovered or as_of, as_of))


def new_hours(dataset: str) -> Callable[[duckdb.DuckDBPyConnection, Underway], datetime]:
    """From the first hour on that has new rows of `dataset`, or that was asked for."""

    def window_start(con: duckdb.DuckDBPyConnection, underway: Underway) -> datetime:
        uncovered = uncovered_since(con, underway.insight.name, dataset)
        return choose_window_start(underway.as_of, underway.asked_start, uncovered)

    return window_start
