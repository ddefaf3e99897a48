"""What an insight is, and what is under way while it is computed.

An insight is a table: a Python file and a SELECT under its name, and one record at the foot of the file. Most are computed in the
one shape of `compute_rows`: read with the SELECT, derive, check, replace. The warehouse is held while reading and while writing,
not while computing.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from storage.catalogue import INSIGHTS, Table
from storage.clock import reading_at
from storage.frames import fetch, registered
from storage.home import Home
from storage.limits import Limits
from storage.sql_files import sql_beside
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.write import replace
from tasks.insights.book import Computation, check_inputs, check_output, enter
from tasks.insights.macros import define_macros
from tasks.wording import counted

Given = Mapping[str, Any]
"""as_of, window_start, and what an insight takes from the settings, by name."""


@dataclass(frozen=True)
class InsightResult:
    """What a computation wrote, and from which instant on; None for all of the table."""

    table: str
    rows: int
    window_start: datetime | None

    def __str__(self) -> str:
        return counted(self.rows, "row")


@dataclass(frozen=True)
class Insight:
    """One table of insights.

    Attributes:
        file: its Python file, `<table>.py`; its SELECT is `<table>.sql` beside it and binds by name what it needs of what is given.
        reads: the datasets of raw that it is computed from. The insights it is computed from are the catalogue's `inputs`.
        takes: what it takes from the settings: by its own name the setting's path.
        derive: makes its rows of those of its SELECT. Further parameters are bound by name to what is given.
        window_start: of a table of events in time, from where on its rows are made anew.
        compute: how it is computed, where not by `compute_rows`; within `reading` and `writing` of what is under way.
    """

    file: str
    reads: tuple[str, ...] = ()
    takes: Mapping[str, str] = field(default_factory=dict)
    derive: Callable[..., pl.DataFrame] = pl.DataFrame.clone
    window_start: "Callable[[duckdb.DuckDBPyConnection, Underway], datetime] | None" = None
    compute: "Callable[[Underway], None] | None" = None

    @property
    def name(self) -> str:
        return Path(self.file).stem

    @property
    def table(self) -> Table:
        return INSIGHTS[self.name]

    @property
    def select(self) -> str:
        return sql_beside(self.file, self.name)

    def read(self, con: duckdb.DuckDBPyConnection, given: Given) -> pl.DataFrame:
        """The rows of its SELECT; `con` has to have the macros."""
        (statement,) = con.extract_statements(self.select)
        return fetch(con, self.select, {name: given[name] for name in statement.named_parameters})

    def derived(self, rows: pl.DataFrame, given: Given) -> pl.DataFrame:
        """The table's rows, of those that `read` gave."""
        _, *names = signature(self.derive).parameters
        return self.derive(rows, **{name: given[name] for name in names}).select(self.table.column_names)


@dataclass
class Underway:
    """A computation under way: what it was asked for, and what will stand in the book once its rows are written.

    Attributes:
        asked_start: from where on rows were asked for; None: from the oldest that no computation has seen.
        given: what it takes from the settings.
        window_start: from where on its rows are made anew; None for all of the table.
        rows: how many were written.
    """

    insight: Insight
    home: Home
    limits: Limits
    as_of: datetime
    asked_start: datetime | None
    given: Given
    window_start: datetime | None = None
    rows: int = 0
    started: float = field(default_factory=time.monotonic)
    read_at: datetime | None = None

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The warehouse with the macros. What is read is as of now, by the clock.

        Raises:
            GovpulseError: an input was computed for another as_of.
        """
        with warehouse(self.home, self.limits) as con:
            self.read_at = reading_at(con, datetime.now(UTC))
            check_inputs(con, self.insight.table, self.as_of)
            define_macros(con)
            yield con

    @contextmanager
    def writing(self, con: duckdb.DuckDBPyConnection | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction, in `con` where the warehouse is open already, that ends with the entry in the book."""
        with nullcontext(con) if con else warehouse(self.home, self.limits) as opened, transaction(opened):
            yield opened
            enter(opened, self._computation())

    def _computation(self) -> Computation:
        assert self.read_at is not None, "nothing was read"
        seconds = time.monotonic() - self.started
        return Computation(self.insight.name, self.as_of, self.window_start, self.rows, seconds, self.read_at)


def compute_rows(underway: Underway) -> None:
    """Compute a table with its SELECT and `derive`, and put the rows in the place of the window's."""
    insight, as_of = underway.insight, underway.as_of
    with underway.reading() as con:
        if insight.window_start:
            underway.window_start = insight.window_start(con, underway)
        given = {**underway.given, "as_of": as_of, "window_start": underway.window_start}
        rows = insight.read(con, given)
    frame = insight.derived(rows, given)
    check_output(insight.table, frame)
    underway.rows = frame.height
    window = (underway.window_start, as_of) if underway.window_start else None
    with underway.writing() as con, registered(con, "computed", frame):
        replace(con, insight.table, "computed", window)
