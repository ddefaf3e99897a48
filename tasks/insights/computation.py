"""The one shape of every insight: read with its SQL, compute, check, replace its rows.

The warehouse is held while reading and while writing, not while computing.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from storage.catalogue import INSIGHTS, TABLES, Table
from storage.clock import reading_at
from storage.errors import GovpulseError
from storage.frames import fetch, registered
from storage.home import Home
from storage.transaction import transaction
from storage.warehouse import Limits, warehouse
from storage.write import Window, append, replace
from tasks.wording import counted

FOLDER = Path(__file__).parent
MACROS = ("instants", "sources", "people", "deployments", "scans", "expertise", "cpu", "operations")
"""What several SELECTs use: seconds between instants, rows whose newest state is not known, who is who, deployments and scans as
they stood at an instant, weights of acts, busy minutes of CPUs, hours of operations."""
Derive = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class InsightResult:
    """What a computation wrote."""

    table: str
    rows: int
    window_start: datetime | None

    def __str__(self) -> str:
        return counted(self.rows, "row")


@dataclass(frozen=True)
class Computation:
    """What is known of a computation: a row of ops.computations."""

    insight: str
    as_of: datetime
    window_start: datetime | None
    rows: int
    duration_seconds: float
    computed_at: datetime


def select_of(name: str) -> str:
    """The SELECT beside the insight's Python file."""
    return (FOLDER / f"{name}.sql").read_text()


def define_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Let SQL on `con` use what several insights read."""
    for name in MACROS:
        con.execute((FOLDER / "macros" / f"{name}.sql").read_text())


def read(con: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
    """The rows of the insight's SELECT, which may use the macros that `con` has to have."""
    return fetch(con, select_of(name), parameters)


def compute(
    home: str, limits: Limits, name: str, parameters: Mapping[str, Any], derive: Derive, window: Window | None = None
) -> InsightResult:
    """Compute the table `name` with its SELECT and `derive`, and put the rows in the place of the window's.

    Raises:
        GovpulseError: an input is of another as_of, or the rows break the catalogue; nothing is written.
    """
    table, as_of, started = INSIGHTS[name], parameters["as_of"], time.monotonic()
    with warehouse(Home(Path(home)), limits) as con:
        read_at = reading_at(con, datetime.now(UTC))
        check_inputs(con, table, as_of)
        define_macros(con)
        rows = read(con, name, parameters)
    frame = derive(rows).select(table.column_names)
    check_output(table, frame)
    window_start = window[0] if window else None
    with warehouse(Home(Path(home)), limits) as con, registered(con, "computed", frame), transaction(con):
        replace(con, table, "computed", window)
        enter(con, Computation(name, as_of, window_start, frame.height, time.monotonic() - started, read_at))
    return InsightResult(name, frame.height, window_start)


def check_inputs(con: duckdb.DuckDBPyConnection, table: Table, as_of: datetime) -> None:
    """Refuse to read insights that were computed for another as_of: what they hold is not so at this one.

    Raises:
        GovpulseError: names table and inputs.
    """
    found = con.execute("SELECT insight, arg_max(as_of, computed_at) FROM ops.computations GROUP BY insight").fetchall()
    computed = dict(found)
    stale = [name for name in table.inputs if computed.get(name) != as_of]
    if stale:
        raise GovpulseError(
            f"{table.full_name}: {', '.join(stale)} not computed as of {as_of.isoformat()}, so nothing was written;"
            f" `--only {table.name}` computes all that it takes"
        )


def check_output(table: Table, frame: pl.DataFrame) -> None:
    """Refuse rows without a required value or with a key twice.

    Raises:
        GovpulseError: names table and column.
    """
    empty = [column.name for column in table.columns if column.is_required and frame[column.name].null_count()]
    if empty:
        raise GovpulseError(f"{table.full_name}: {', '.join(empty)} came out NULL; nothing was written")
    if frame.select(table.key).is_duplicated().any():
        raise GovpulseError(f"{table.full_name}: {', '.join(table.key)} came out twice; nothing was written")


def enter(con: duckdb.DuckDBPyConnection, done: Computation) -> None:
    """Enter a computation in the book, in the transaction that wrote its rows."""
    row = pl.DataFrame([asdict(done)], schema_overrides={"window_start": pl.Datetime("us", "UTC")})
    with registered(con, "done", row):
        append(con, TABLES["ops.computations"], "done")
