"""An empty warehouse in memory, rows put straight into its raw tables, and an insight computed on it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb
import polars as pl
import pytest

from storage.catalogue import DATASETS, INSIGHTS
from storage.frames import registered
from storage.migrations import migrate
from storage.warehouse import connect
from tasks.insights.active_scans import judge
from tasks.insights.application_health import derive_health
from tasks.insights.computation import check_output, define_macros, read
from tasks.insights.deployment_metrics import derive_metrics
from tasks.insights.deployment_trends import derive_trends
from tasks.insights.forecasts import derive_forecasts
from tasks.insights.metric_correlations import derive_correlations
from tasks.insights.scan_performance import derive_performance

Derive = Callable[[pl.DataFrame, Mapping[str, Any]], pl.DataFrame]

DERIVE: dict[str, Derive] = {
    "deployment_metrics": lambda rows, given: derive_metrics(rows, given["as_of"], given["window_days"]),
    "deployment_trends": lambda rows, given: derive_trends(rows),
    "active_scans": lambda rows, given: judge(rows),
    "scan_performance": lambda rows, given: derive_performance(rows),
    "system_metrics_hourly": lambda rows, given: rows,
    "forecasts": lambda rows, given: derive_forecasts(rows),
    "application_health": lambda rows, given: derive_health(rows),
    "metric_correlations": lambda rows, given: derive_correlations(rows),
    "anomalies": lambda rows, given: rows,
}
"""What each insight makes of the rows of its SELECT and of the case's parameters."""
READS = {
    "deployment_metrics": "deployments",
    "deployment_trends": "deployments",
    "scan_performance": "scans",
    "active_scans": "scans",
    "system_metrics_hourly": "system_metrics",
    "forecasts": "system_metrics_hourly",
    "application_health": "activity",
    "metric_correlations": "system_metrics",
    "anomalies": "anomaly_scores",
}

QUEUE_BOUND = {"queue_bound_seconds": 604_800.0}
BOUNDS: dict[str, dict[str, float]] = {
    "active_scans": QUEUE_BOUND,
    "scan_performance": QUEUE_BOUND,
    "deployment_metrics": {"lead_bound_seconds": 31_536_000.0},
}
"""The shipped ones, where a case says none."""

Compute = Callable[[str, pl.DataFrame, Mapping[str, Any]], pl.DataFrame]


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
    """Rows of the one table it reads (any types, columns may lack) and parameters -> the insight's rows, checked."""

    def compute_insight(name: str, rows: pl.DataFrame, parameters: Mapping[str, Any]) -> pl.DataFrame:
        table, parameters = DATASETS.get(READS[name]) or INSIGHTS[READS[name]], BOUNDS.get(name, {}) | dict(parameters)
        said = {c.name: f"coalesce({c.name}, 'load')" if c.name == "source" else c.name for c in table.columns}
        casts = ", ".join(f"CAST({said[c.name]} AS {c.type}) AS {c.name}" for c in table.columns if c.name in rows.columns)
        con.execute("BEGIN")
        try:
            with registered(con, "given", rows):
                con.execute(f"INSERT INTO {table.full_name} BY NAME SELECT {casts} FROM given")
            frame = DERIVE[name](read(con, name, parameters), parameters)
        finally:
            con.execute("ROLLBACK")
        frame = frame.select(INSIGHTS[name].column_names)
        check_output(INSIGHTS[name], frame)
        return frame

    return compute_insight
