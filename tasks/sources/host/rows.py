"""Two readings into the rows of `raw.system_metrics`: a pure function."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl

from tasks.sources.host.cpu import LOGICAL_COUNT, share_modes
from tasks.sources.host.differencing import difference
from tasks.sources.host.metric import Point
from tasks.sources.host.moment import measure_interval
from tasks.sources.host.processes import rank_processes
from tasks.sources.host.reading import Reading

SCHEMA: dict[str, pl.DataType] = {
    "host": pl.String(),
    "metric": pl.String(),
    "attributes": pl.String(),
    "observed_at": pl.Datetime("us", "UTC"),
    "unit": pl.String(),
    "value": pl.Float64(),
    "status": pl.String(),
}


class Sample(NamedTuple):
    """One row of `raw.system_metrics`."""

    host: str
    metric: str
    attributes: str
    observed_at: datetime
    unit: str
    value: float | None
    status: str


def compute_rows(host: str, previous: Reading | None, current: Reading, process_count: int) -> list[Sample]:
    """The rows of `current`; what is a rate needs `previous`, of the same boot, and has no value without it."""
    points = _compute_points(previous, current, process_count)
    return [_make_row(host, point, current.moment.observed_at) for point in points]


def build_frame(rows: Sequence[Sample]) -> pl.DataFrame:
    """The rows as a frame in the shape that the loader takes."""
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _compute_points(previous: Reading | None, current: Reading, process_count: int) -> list[Point]:
    interval = measure_interval(previous.moment if previous else None, current.moment)
    before = {(point.metric.name, point.attributes): point for point in previous.points} if previous else {}
    logical_cpus = next((point.value for point in current.points if point.metric is LOGICAL_COUNT), None)
    return [
        *share_modes(before, current.points, interval),
        *(
            difference(before.get((point.metric.name, point.attributes)), point, interval)
            for point in current.points
            if point.metric.kind != "mode"
        ),
        *rank_processes(previous.processes if previous else {}, current.processes, interval, logical_cpus, process_count),
    ]


def _make_row(host: str, point: Point, observed_at: datetime) -> Sample:
    value = None if point.value is None else float(point.value)
    return Sample(host, point.metric.name, point.attributes, observed_at, point.metric.unit, value, point.status)
