"""Hosts whose CPUs were busy for some minutes of the last hour, far above what they are at this time of earlier days. Reads
raw.system_metrics."""

from typing import Any

import polars as pl

from tasks.insights.findings.busy_cpus import culprit, hours_of, in_use, on_earlier_days, samples_of, surprise, when
from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.wording import percent
from tasks.insights.hosts.usual_load import compare, irregular_bursts, load_of, usual_mean

FREE, SCATTERS = 0.75, 5.0
"""How far above the usual share in use: so much of what is usually free, and so many standard deviations of it from day to day."""
OFTEN = 0.5
"""A host with bursts at odd hours on so many days is one that has bursts."""
ADDED: dict[str, pl.DataType] = {
    "earlier_days": pl.Int64(),
    "earlier_days_as_busy": pl.Int64(),
    "usual": pl.Float64(),
    "days_with_odd_bursts": pl.Float64(),
}
NUMBERS = ("mean", "peak", *ADDED, "process", "process_share", "ended_at")


def derive(rows: pl.DataFrame) -> pl.DataFrame:
    """The bursts that are not usual, the newest of a host; with what is usual."""
    found = [row for row in map(_judged, rows.iter_rows(named=True)) if row is not None]
    return pl.DataFrame(found, schema={**rows.schema, **ADDED}).unique("host", keep="last", maintain_order=True)


def _judged(row: SelectedRow) -> dict[str, Any] | None:
    """None where it is usual, or nobody knows what is."""
    load, hours = load_of(row["hours"]), hours_of(row)
    usual, earlier, often = usual_mean(load, *hours), compare(load, *hours), irregular_bursts(load)
    if usual is None or earlier.is_usual or often >= OFTEN or row["mean"] < _high(*usual):
        return None
    added = (earlier.days, earlier.as_busy, usual[0], often)
    return dict(row) | dict(zip(ADDED, added, strict=True))


def _high(usual: float, scatter: float) -> float:
    return usual + max(FREE * (1 - usual), SCATTERS * scatter)


def describe(row: SelectedRow) -> Finding:
    return Finding(
        subject=row["host"],
        severity="warning",
        started_at=row["started_at"],
        statement=(
            f"{percent(row['mean'])} of all CPUs on {row['host']} {in_use(row)} on average"
            f" (peak {percent(row['peak'])}) {when(row)}, usually {percent(row['usual'])} at this time of day;"
            f" {on_earlier_days(row)}"
        ),
        recommendation=culprit(row),
        evidence={name: row[name] for name in NUMBERS} | {"sql": samples_of(row)},
        confidence=surprise(row),
        is_sample=False,
    )


CPU_SPIKE = Kind("cpu_spike", parameters=("as_of",), describe=describe, derive=derive)
