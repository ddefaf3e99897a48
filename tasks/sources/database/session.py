"""One look at a source: all its datasets as they stand at one instant."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

KEYS_A_STATEMENT = 2_000


@dataclass(frozen=True)
class Span:
    """Rows whose change instant lies in [start, end); None is open. Rows without one come with those of an open end."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Horizon:
    """How far a look at the source sees everything.

    Attributes:
        instant: by the source's clock, no row that changed before it can still appear; None where the source has no clock.
        said: what the run should say of it, where there is anything to say.
    """

    instant: datetime | None = None
    said: str | None = None


@dataclass(frozen=True)
class Day:
    """The rows whose change instant lies in one day of the source's clock: how many, and the latest instant."""

    start: datetime
    rows: int
    newest: datetime


class Session(Protocol):
    """A source, open for reading.

    Tables have the contract's columns (the key first), instants in UTC or as text that the contract casts. Every method raises
    GovpulseError, in one line that names the mapping's file where that is to blame.
    """

    @property
    def datasets(self) -> tuple[str, ...]:
        """What the mapping offers."""

    @property
    def horizon(self) -> Horizon:
        """How far this look sees everything."""

    def check(self, dataset: str) -> dict[str, str]:
        """See that the mapping fits the database; returns the type of each column, as the database calls it."""

    def count_days(self, dataset: str, since: datetime | None) -> list[Day]:
        """Rows by the day of their change instant, in order; rows without one in no day. (A listing has no change instant.)"""

    def read_changed(self, dataset: str, span: Span) -> Iterator[pa.Table]:
        """The rows of `span`."""

    def read_all(self, dataset: str) -> Iterator[pa.Table]:
        """Every row."""

    def read_keys(self, dataset: str, keys: Sequence[str]) -> Iterator[pa.Table]:
        """The rows with these keys."""

    def peek(self, dataset: str, rows: int) -> Iterator[pa.Table]:
        """Any rows, at most so many."""

    def list_rows(self, dataset: str) -> Iterator[pa.Table]:
        """`key` (as text) and `updated_at` of every row."""


def read_many_keys(session: Session, dataset: str, keys: Sequence[str]) -> Iterator[pa.Table]:
    """The rows with these keys, however many, in statements that a database takes."""
    for first in range(0, len(keys), KEYS_A_STATEMENT):
        yield from session.read_keys(dataset, keys[first : first + KEYS_A_STATEMENT])


def in_span(span: Span, literal: Callable[[datetime], str]) -> str:
    """The condition that a row was changed within the span; empty for one without ends. Without an end it holds for a row of which
    nobody knows when it was changed, too.

    Args:
        literal: an instant as the server takes it, in the type of updated_at.
    """
    bounds = [f"updated_at >= {literal(span.start)}"] if span.start else []
    bounds += [f"updated_at < {literal(span.end)}"] if span.end else []
    if not bounds:
        return ""
    return f"({' AND '.join(bounds)})" + ("" if span.end else " OR updated_at IS NULL")
