"""The book of computations, ops.computations, and what is checked before an insight is read and before it is written."""

from dataclasses import asdict, dataclass
from datetime import datetime

import duckdb
import polars as pl

from storage.catalogue import TABLES, Table
from storage.errors import GovpulseError
from storage.frames import registered
from storage.sql_files import sql_beside
from storage.write import append


@dataclass(frozen=True)
class Computation:
    """What is known of a computation: a row of ops.computations."""

    insight: str
    as_of: datetime
    window_start: datetime | None
    rows: int
    duration_seconds: float
    computed_at: datetime


def check_inputs(con: duckdb.DuckDBPyConnection, table: Table, as_of: datetime) -> None:
    """Refuse to read insights that were computed for another as_of: what they hold is not so at this one.

    Raises:
        GovpulseError: names table and inputs.
    """
    found = con.execute(sql_beside(__file__, "latest_computations")).fetchall()
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
