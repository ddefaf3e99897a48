"""What the warehouse knows of hosts: who was seen, their series, models, samples and earlier scores."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from storage.frames import fetch, registered, stream
from storage.sql_files import sql_beside
from tasks.insights.detection.planning import Plan, offsets
from tasks.insights.detection.windows import Matrix

BATCH = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def minute_of(instant: datetime) -> int:
    """Minutes since the epoch, rounded down."""
    return (instant - EPOCH) // timedelta(minutes=1)


def instant_of(minute: int) -> datetime:
    return EPOCH + timedelta(minutes=minute)


def read_hosts(con: duckdb.DuckDBPyConnection, start: datetime, as_of: datetime) -> list[str]:
    """The hosts that were seen in the window, by name."""
    found = con.execute(sql_beside(__file__, "hosts"), {"start": start, "as_of": as_of})
    return [row[0] for row in found.fetchall()]


def read_models(con: duckdb.DuckDBPyConnection, versions: str, seed: int) -> dict[str, dict[str, Any]]:
    """By host the model that lies there, as far as it is of these versions."""
    found = fetch(con, sql_beside(__file__, "models"), {"versions": versions, "seed": seed})
    return {row["host"]: row for row in found.iter_rows(named=True)}


def read_series(con: duckdb.DuckDBPyConnection, hosts: Sequence[str], since: datetime, until: datetime) -> pl.DataFrame:
    """host, metric, attributes, first_minute, last_minute of what they sampled."""
    return fetch(con, sql_beside(__file__, "series"), {"hosts": list(hosts), "since": since, "until": until})


def read_scores(con: duckdb.DuckDBPyConnection, hosts: Sequence[str], since: datetime, until: datetime) -> pl.DataFrame:
    """host, minute, score and is_anomalous as they are stored."""
    return fetch(con, sql_beside(__file__, "scores"), {"hosts": list(hosts), "since": since, "until": until})


def read_values(con: duckdb.DuckDBPyConnection, sql: str, plans: Sequence[Plan], end: int, as_of: datetime) -> dict[str, Matrix]:
    """By host a row a series, a column a minute from the plan's `first` up to `end`: the mean of what was read in it."""
    cells = _cells(plans, end)
    since = instant_of(min(plan.first for plan in plans))
    with registered(con, "series", cells):
        found = stream(con, sql, {"since": since, "as_of": as_of}, BATCH)
        means = _means(((b.column(0).to_numpy(), b.column(1).to_numpy()) for b in found), sum(p.cells(end) for p in plans))
    starts = offsets(plans, end)
    parts = ((plan, means[starts[plan.host] :][: plan.cells(end)]) for plan in plans)
    return {plan.host: cells.reshape(len(plan.series), end - plan.first) for plan, cells in parts}


def _cells(plans: Sequence[Plan], end: int) -> pl.DataFrame:
    starts = offsets(plans, end)
    rows = [
        (plan.host, metric, attributes, starts[plan.host] + row * (end - plan.first) - plan.first, plan.first)
        for plan in plans
        for row, (metric, attributes) in enumerate(plan.series)
    ]
    texts = dict.fromkeys(("host", "metric", "attributes"), pl.String())
    return pl.DataFrame(rows, schema={**texts, "first_cell": pl.Int64(), "since": pl.Int64()}, orient="row")


def _means(batches: Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]], cells: int) -> NDArray[np.float64]:
    sums, counts = np.zeros(cells), np.zeros(cells, dtype=np.uint16)
    for at, values in batches:
        np.add.at(sums, at, values)
        np.add.at(counts, at, 1)
    with np.errstate(invalid="ignore"):
        return np.divide(sums, counts, out=sums)
