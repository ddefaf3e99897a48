"""An empty warehouse in memory, rows put straight into its raw tables, and an insight computed on it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb
import polars as pl
import pytest

from flows.insight_step import taken
from storage.catalogue import DATASETS, INSIGHTS, Table
from storage.frames import registered
from storage.migrations import migrate
from storage.warehouse import connect
from tasks.insights.book import check_output
from tasks.insights.macros import define_macros
from tasks.insights.registry import REGISTERED
from tests.insights import SHIPPED

BY_NAME = {insight.name: insight for insight in REGISTERED}


def read_by(name: str) -> Table:
    """The one table that the cases of an insight fill."""
    insight = BY_NAME[name]
    return DATASETS[insight.reads[0]] if insight.reads else INSIGHTS[insight.table.inputs[0]]


Compute = Callable[..., pl.DataFrame]


@pytest.fixture(scope="session")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Shared, for `compute` leaves it as it found it. It has the macros."""
    connection = connect()
    migrate(connection, datetime(2026, 1, 1, tzinfo=UTC))
    define_macros(connection)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def compute(con: duckdb.DuckDBPyConnection) -> Compute:
    """Rows of the one table it reads (any types, columns may lack), parameters, and rows of other datasets -> the insight's rows,
    checked."""

    def fill(table: Table, rows: pl.DataFrame) -> None:
        said = {c.name: f"coalesce({c.name}, 'load')" if c.name == "source" else c.name for c in table.columns}
        casts = ", ".join(f"CAST({said[c.name]} AS {c.type}) AS {c.name}" for c in table.columns if c.name in rows.columns)
        with registered(con, "given", rows):
            con.execute(f"INSERT INTO {table.full_name} BY NAME SELECT {casts} FROM given")

    def compute_insight(name: str, rows: pl.DataFrame, parameters: Mapping[str, Any], **others: pl.DataFrame) -> pl.DataFrame:
        given = taken(BY_NAME[name], SHIPPED) | dict(parameters)
        con.execute("BEGIN")
        try:
            fill(read_by(name), rows)
            for dataset, more in others.items():
                fill(DATASETS[dataset], more)
            frame = BY_NAME[name].derived(BY_NAME[name].read(con, given), given)
        finally:
            con.execute("ROLLBACK")
        check_output(INSIGHTS[name], frame)
        return frame

    return compute_insight
