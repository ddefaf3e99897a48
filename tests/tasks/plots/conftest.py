"""Rows to draw: three days of a host that once behaves as it never did, and three weeks of a filesystem that fills."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from storage.catalogue import TABLES
from storage.frames import registered
from storage.limits import Limits
from storage.migrations import migrate
from storage.warehouse import connect
from tests.disk_series import Disk, fill, hours_of
from tests.insight_rows import insert

AS_OF = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
MINUTES = 3 * 1440
GUILTY = (
    ("system.cpu.utilization", "mode=user", "1"),
    ("system.disk.io", "device=sda,direction=read", "By/s"),
    ("system.disk.operations", "device=sda,direction=read", "{operation}/s"),
    ("system.memory.usage", "state=used", "By"),
    ("system.cpu.load_average.1m", "", "{thread}"),
)
"""Metric, attributes and unit, the guiltiest first."""
Rows = Sequence[Mapping[str, Any]]
Put = Callable[..., None]


@pytest.fixture(scope="session")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect()
    migrate(connection, AS_OF)
    yield connection
    connection.close()


@pytest.fixture
def con(memory: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse in memory, as one test leaves it to the next."""
    memory.execute("BEGIN")
    yield memory
    memory.execute("ROLLBACK")


@pytest.fixture
def put(con: duckdb.DuckDBPyConnection) -> Put:
    return partial(put_into, con)


def put_into(con: duckdb.DuckDBPyConnection, **tables: Rows | pl.DataFrame) -> None:
    """Rows by table (`anomalies=[...]`), or a frame of them."""
    for name, rows in tables.items():
        table = TABLES["raw.system_metrics" if name == "system_metrics" else f"insights.{name}"]
        if isinstance(rows, pl.DataFrame):
            with registered(con, "given", rows):
                con.execute(f"INSERT INTO {table.full_name} BY NAME SELECT * FROM given")
        else:
            insert(con, table, *rows)


def ago(**span: float) -> datetime:
    return AS_OF - timedelta(**span)


def episode(host: str, started_at: datetime, ended_at: datetime, **more: Any) -> dict[str, Any]:
    """A row of insights.anomalies."""
    blamed = [
        {"metric": metric, "attributes": attributes, "contribution": 0.5 / (place + 1)}
        for place, (metric, attributes, _) in enumerate(GUILTY)
    ]
    usual = {"as_of": AS_OF, "peak": 9.4, "threshold": 4.0, "severity": "critical", "top_metrics": json.dumps(blamed)}
    return {**usual, "host": host, "started_at": started_at, "ended_at": ended_at, "peak_at": started_at, **more}


def samples(host: str, minutes: Sequence[int] = range(0, MINUTES, 5), anomalous: range = range(0)) -> pl.DataFrame:
    """Samples of the guilty series, at minutes from three days before AS_OF on; in the anomalous ones they are threefold."""
    rng, at = np.random.default_rng(7), np.array(minutes)
    day = 0.12 * np.sin(2 * np.pi * at / 1440)
    levels = {"1": 0.2, "By/s": 4e7, "{operation}/s": 320, "By": 6.1e9, "{thread}": 1.4}
    peak = 1 + 2 * np.isin(at, np.array(anomalous))
    return pl.concat(
        pl.DataFrame(
            {
                "host": host,
                "metric": metric,
                "attributes": attributes,
                "observed_at": [ago(days=3) + timedelta(minutes=int(minute)) for minute in minutes],
                "unit": unit,
                "value": levels[unit] * (1 + day + rng.normal(0, 0.06, len(at))) * peak,
                "status": "ok",
            }
        )
        for metric, attributes, unit in GUILTY
    )


def scores(host: str, anomalous: range = range(0)) -> pl.DataFrame:
    """The score of each minute of the three days before AS_OF."""
    rng, at = np.random.default_rng(8), np.arange(MINUTES)
    score = np.maximum(rng.normal(0.6, 0.5, MINUTES), 0)
    score[np.array(anomalous, dtype=int)] += 6
    return pl.DataFrame(
        {
            "as_of": [AS_OF] * MINUTES,
            "host": host,
            "observed_at": [ago(days=3) + timedelta(minutes=int(minute)) for minute in at],
            "score": score,
            "threshold": np.where(at < 1440, 3.6, 4.0),
            "is_anomalous": score > 4,
            "metrics": 5,
            "coverage": 1.0,
            "history_minutes": 20_000,
        }
    )


def forecast(host: str, days: float, **more: Any) -> dict[str, Any]:
    """A row of insights.forecasts of a filesystem that is full so many days after AS_OF."""
    level, slope = 0.9, 0.1 / days
    figures = {
        "point": level + slope * 14,
        "point_low": level - 0.02 + 0.8 * slope * 14,
        "point_high": level + 0.02 + 1.2 * slope * 14,
    }
    slopes = {"slope_per_day": slope, "slope_per_day_low": 0.8 * slope, "slope_per_day_high": 1.2 * slope, "growth_p_value": 0.001}
    crosses = {
        "crosses_at": AS_OF + timedelta(days=days),
        "crosses_low_at": AS_OF + timedelta(days=0.08 / 0.12 * days),
        "crosses_high_at": AS_OF + timedelta(days=0.12 / 0.08 * days),
    }
    what = {
        "host": host,
        "metric": "system.filesystem.utilization",
        "attributes": "mountpoint=/var",
        "unit": "1",
        "limit_value": 1.0,
    }
    window = {"as_of": AS_OF, "hours": 504, "window_hours": 504, "level": level, "horizon_days": 14.0, "is_growing": True}
    return {**window, **what, **figures, **slopes, **crosses, **more}


def hourly(host: str, hours: Sequence[int] = range(504), **more: Any) -> pl.DataFrame:
    """The hours of a filesystem that fills, so many after three weeks before AS_OF's."""
    mean, high = hours_of(fill(Disk(base=0.45, growth=0.011, nightly=0.15), 21, seed=3))
    at = np.array(hours)
    first = AS_OF.replace(minute=0) - timedelta(hours=504)
    return pl.DataFrame(
        {
            "as_of": AS_OF,
            "host": host,
            "metric": "system.filesystem.utilization",
            "attributes": "mountpoint=/var",
            "hour_at": [first + timedelta(hours=int(hour)) for hour in hours],
            "unit": "1",
            "min": mean[at] * 0.99,
            "mean": mean[at],
            "max": high[at],
            "samples": 12,
            "missing": 0,
            **more,
        }
    )
