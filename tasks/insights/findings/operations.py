"""What findings about operations say alike: when a run began, what was deployed then, and how many requests there were."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from tasks.insights.findings.kind import SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import listed, minute, times
from tasks.insights.health.runs import Share, find_runs
from tasks.wording import duration

HOUR = timedelta(hours=1)
MORE_LOAD = 1.5
"""From so many times the usual requests on, the load may be the reason."""
NAMED = 3


def bad_operations(rows: pl.DataFrame, share: Share) -> pl.DataFrame:
    """The runs of bad hours, each with the other operations that have one."""
    found = find_runs(rows, share)
    names = found["operation"].to_list()
    others = [[name for name in names if name != own] for own in names]
    return found.with_columns(others=pl.Series("others", others, dtype=pl.List(pl.String)))


def seconds(value: float) -> str:
    """`0.35 s`, `2.4 s`, `21 min`."""
    return f"{times(value)} s" if value < 60 else duration(value)


def what_to_do(row: SelectedRow, otherwise: str) -> str:
    """By what else happened when it began: several operations at once, a deployment, more requests; else `otherwise`."""
    steps = [_shared(row["others"]), _released(row), _load(row)]
    said = [step for step in steps if step]
    return " ".join(said) if any(steps[1:]) else " ".join([*said, otherwise])


def evidence_of(row: SelectedRow, names: Sequence[str]) -> dict[str, Any]:
    """The numbers, and the rows to look at."""
    since = f"hour_at >= '{row['started_at'].isoformat()}'"
    rows = rows_where("insights.application_health", {"operation": row["operation"]}, since, order_by="hour_at")
    kept = {name: row[name] for name in ("hour_at", "bad_hours", "requests", "usual_requests", "usual_share", "q_value", *names)}
    return kept | {"sql": rows}


def _shared(others: Sequence[str]) -> str:
    if not others:
        return ""
    named = listed([*others[:NAMED], f"{len(others) - NAMED:,} more"] if len(others) > NAMED else others)
    return f"The same is true of {named}: look first at what they share."


def _released(row: SelectedRow) -> str:
    """Deployments from an hour before the first bad hour to its end."""
    start = row["started_at"]
    near = [each for each in row["releases"] or [] if start - HOUR <= each["finished_at"] < start + HOUR]
    if not near:
        return ""
    named = [f"{_release(each)} ({minute(each['finished_at'])})" for each in near[:NAMED]]
    return f"Deployed when it began: {listed(named)}. If one of them serves {row['operation']}, roll it back."


def _release(release: SelectedRow) -> str:
    return f"{release['service']} {release['version'] or 'of an unknown version'} to {release['environment']}"


def _load(row: SelectedRow) -> str:
    usual = row["usual_requests"]
    if not usual or row["requests"] < MORE_LOAD * usual:
        return ""
    load = f"{row['requests']:,} requests in the hour from {minute(row['hour_at'])}, {times(row['requests'] / usual)} times as many"
    return f"It had {load} as usual: find out who sends them, and limit them or give {row['operation']} more capacity."
