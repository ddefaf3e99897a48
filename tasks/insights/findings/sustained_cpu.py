"""Hosts whose CPUs are busy for a quarter of an hour or longer, and are not at this time of most days. Reads raw.system_metrics."""

from datetime import timedelta
from typing import Any

import polars as pl

from tasks.insights.findings.busy_cpus import culprit, hours_of, in_use, on_earlier_days, samples_of, surprise, when
from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.wording import percent, times
from tasks.insights.hosts.usual_load import compare, load_of

QUEUED, WAITED = 2.0, 0.5
"""Critical from so many threads a CPU on (as in the alerts of node-mixin) if work waits for half of the time: the load alone counts
waiting for disks, too."""
FULL, FULL_FOR = 0.98, timedelta(hours=1)
"""Critical, too."""
STOLEN = 0.1
NUMBERS = (
    *("mean", "peak", "known_minutes", "cpus", "load", "pressure", "stolen", "container_limit", "process", "process_share"),
    *("earlier_days", "earlier_days_as_busy", "ended_at"),
)


def derive(rows: pl.DataFrame) -> pl.DataFrame:
    """The runs that are not usual, the newest of a host; with the earlier days known, and those of them that were as busy."""
    found = [row for row in map(_judged, rows.iter_rows(named=True)) if not row["is_usual"]]
    added = {"earlier_days": pl.Int64(), "earlier_days_as_busy": pl.Int64(), "is_usual": pl.Boolean()}
    return pl.DataFrame(found, schema={**rows.schema, **added}).unique("host", keep="last", maintain_order=True)


def _judged(row: SelectedRow) -> dict[str, Any]:
    days, as_busy, is_usual = compare(load_of(row["hours"]), *hours_of(row))
    return dict(row) | {"earlier_days": days, "earlier_days_as_busy": as_busy, "is_usual": is_usual}


def describe(row: SelectedRow) -> Finding:
    return Finding(
        subject=row["host"],
        severity="critical" if _waits(row) or _is_full(row) else "warning",
        started_at=row["started_at"],
        statement=_statement(row),
        recommendation=" ".join([culprit(row), *_besides(row)]),
        evidence={name: row[name] for name in NUMBERS} | {"sql": samples_of(row)},
        confidence=surprise(row),
        is_sample=False,
    )


def _queue(row: SelectedRow) -> float:
    """Threads a CPU that ran or waited."""
    return row["load"] / row["cpus"] if row["load"] is not None and row["cpus"] else 0.0


def _waits(row: SelectedRow) -> bool:
    return _queue(row) >= QUEUED and (row["pressure"] is None or row["pressure"] >= WAITED)


def _is_full(row: SelectedRow) -> bool:
    return bool(row["mean"] >= FULL and row["ended_at"] - row["started_at"] >= FULL_FOR)


def _statement(row: SelectedRow) -> str:
    cpus = f"{row['cpus']:g} CPUs" if row["cpus"] else "all CPUs"
    used = f"{percent(row['mean'])} of {cpus} on {row['host']} {in_use(row)} on average (peak {percent(row['peak'])}) {when(row)}"
    waiting = f"; {times(_queue(row))} threads per CPU run or wait" if _queue(row) >= QUEUED else ""
    return f"{used}{waiting}; {on_earlier_days(row)}"


def _besides(row: SelectedRow) -> list[str]:
    """What else may be the reason."""
    said = []
    if (row["stolen"] or 0) >= STOLEN:
        said.append(f"Other machines on the same hardware steal {percent(row['stolen'])}: ask whoever runs it.")
    if row["container_limit"] is not None:
        said.append(f"The sampled container may use only {row['container_limit']:g} of these CPUs: the figures are the host's.")
    return said


SUSTAINED_CPU = Kind("sustained_cpu", parameters=("as_of",), describe=describe, derive=derive)
