"""What the warehouse knows of hosts: who was seen, their series, models, samples and earlier scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from storage.frames import fetch, registered, stream
from storage.sql_files import sql_beside
from tasks.insights.detection.planning import Plan
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
    """host, metric, attributes, unit, first_minute, last_minute of what they sampled."""
    return fetch(con, sql_beside(__file__, "series"), {"hosts": list(hosts), "since": since, "until": until})


def read_scores(con: duckdb.DuckDBPyConnection, hosts: Sequence[str], since: datetime, until: datetime) -> pl.DataFrame:
    """host, minute, score and is_anomalous as they are stored."""
    return fetch(con, sql_beside(__file__, "scores"), {"hosts": list(hosts), "since": since, "until": until})


@dataclass(frozen=True)
class Stretch:
    """A host's series (metric and attributes) over minutes since the epoch."""

    host: str
    series: tuple[tuple[str, str], ...]
    first: int
    end: int

    @property
    def cells(self) -> int:
        return len(self.series) * (self.end - self.first)


def read_values(con: duckdb.DuckDBPyConnection, sql: str, plans: Sequence[Plan], end: int, as_of: datetime) -> dict[str, Matrix]:
    """By host a row a series, a column a minute from the plan's `first` up to `end`: the mean of what was read in it."""
    found = read_stretches(con, sql, [Stretch(plan.host, plan.series, plan.first, end) for plan in plans], as_of)
    return dict(zip((plan.host for plan in plans), found, strict=True))


def read_stretches(con: duckdb.DuckDBPyConnection, sql: str, stretches: Sequence[Stretch], as_of: datetime) -> list[Matrix]:
    """Of each a row a series, a column a minute: the mean of what was read in it before `as_of`."""
    with registered(con, "series", _cells(stretches)):
        found = stream(con, sql, {"since": instant_of(min(each.first for each in stretches)), "as_of": as_of}, BATCH)
        batches = ((b.column(0).to_numpy(), b.column(1).to_numpy()) for b in found)
        means = _means(batches, sum(each.cells for each in stretches))
    return _cut(means, stretches)


def read_hours(con: duckdb.DuckDBPyConnection, stretches: Sequence[Stretch]) -> list[tuple[Matrix, Matrix, Matrix]]:
    """The same of what is kept by the hour: the least, the mean and the greatest of the hour that a minute lies in. Stretches begin
    and end with an hour."""
    by_hour = [Stretch(each.host, each.series, each.first // 60, each.end // 60) for each in stretches]
    bounds = {"since": instant_of(min(s.first for s in stretches)), "until": instant_of(max(s.end for s in stretches))}
    with registered(con, "series", _cells(by_hour)):
        found = fetch(con, sql_beside(__file__, "hours"), bounds)
    figures = []
    for name in ("min", "mean", "max"):
        cells = np.full(sum(each.cells for each in by_hour), np.nan)
        cells[found["cell"].to_numpy()] = found[name].to_numpy()
        figures.append([np.repeat(each, 60, axis=1) for each in _cut(cells, by_hour)])
    return list(zip(*figures, strict=True))


def _cut(cells: NDArray[np.float64], stretches: Sequence[Stretch]) -> list[Matrix]:
    ends = np.cumsum([each.cells for each in stretches])
    return [
        part.reshape(len(each.series), each.end - each.first)
        for each, part in zip(stretches, np.split(cells, ends[:-1]), strict=True)
    ]


def _cells(stretches: Sequence[Stretch]) -> pl.DataFrame:
    """Where in all of the cells, which lie one after the other, each series would have its minute 0."""
    starts = np.cumsum([0, *(each.cells for each in stretches)]).tolist()
    rows = [
        (each.host, metric, attributes, start + row * (each.end - each.first) - each.first, each.first, each.end)
        for start, each in zip(starts, stretches, strict=False)
        for row, (metric, attributes) in enumerate(each.series)
    ]
    texts = dict.fromkeys(("host", "metric", "attributes"), pl.String())
    return pl.DataFrame(rows, schema={**texts, **dict.fromkeys(("first_cell", "since", "until"), pl.Int64())}, orient="row")


def _means(batches: Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]], cells: int) -> NDArray[np.float64]:
    sums, counts = np.zeros(cells), np.zeros(cells, dtype=np.uint16)
    for at, values in batches:
        np.add.at(sums, at, values)
        np.add.at(counts, at, 1)
    with np.errstate(invalid="ignore"):
        return np.divide(sums, counts, out=sums)
