"""Operations that take longer than they did at that time in the past weeks. Reads insights.application_health, and of
raw.deployments what went out when it began."""

import polars as pl

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.operations import bad_operations, evidence_of, seconds, what_to_do
from tasks.insights.findings.wording import minute, percent, times
from tasks.insights.health.runs import SLOW
from tasks.wording import counted

CRITICAL_RATIO = 2.0
"""Critical where the 95th percentile is at least so many times the usual, whatever the chance."""
OF_DAY = ("timed", "slow", "very_slow", "baseline_p95_seconds")
OF_HOUR = (*OF_DAY, "p95_seconds", "p95_low", "p95_high", "p95_ratio")


def derive(rows: pl.DataFrame) -> pl.DataFrame:
    return bad_operations(rows, SLOW)


def describe(row: SelectedRow) -> Finding:
    """By the last bad hour, or by the last day where hours have too few requests."""
    is_critical = not row["is_day"] and row["p95_low"] >= CRITICAL_RATIO * row["baseline_p95_seconds"]
    return Finding(
        subject=row["operation"],
        severity="critical" if is_critical else "warning",
        started_at=row["started_at"],
        statement=_of_day(row) if row["is_day"] else _of_hour(row),
        recommendation=what_to_do(row, _look(row)),
        evidence=evidence_of(row, OF_DAY if row["is_day"] else OF_HOUR),
        confidence=1 - row["q_value"],
        is_sample=row["is_sample"],
    )


def _of_day(row: SelectedRow) -> str:
    usual, share = seconds(row["baseline_p95_seconds"]), percent(row["usual_share"])
    requests = f"{counted(row['timed'], 'request')} in the 24 hours since {minute(row['started_at'])}"
    return (
        f"{row['operation']} has been slow: of {requests}, {row['slow']:,} took longer than the usual 95th percentile of {usual}"
        f" (usually {share}), and {row['very_slow']:,} took longer than 1.5 times that"
    )


def _of_hour(row: SelectedRow) -> str:
    usual = seconds(row["baseline_p95_seconds"])
    p95 = f"95 of 100 requests take up to {seconds(row['p95_seconds'])} ({_between(row)})"
    slow = f"{row['slow']:,} of {counted(row['timed'], 'request')} in the hour from {minute(row['hour_at'])}"
    return (
        f"{row['operation']} has been slow since {minute(row['started_at'])}: {p95}, {times(row['p95_ratio'])} times the usual"
        f" {usual}; {slow} took longer than {usual} (usually {percent(row['usual_share'])})"
    )


def _between(row: SelectedRow) -> str:
    high = row["p95_high"]
    return f"{seconds(row['p95_low'])} to {seconds(high)}" if high is not None else f"at least {seconds(row['p95_low'])}"


def _look(row: SelectedRow) -> str:
    if row["kind"] == "query":
        return f"Look at the plan of {row['operation']}, at locks, and at the load of its database since then."
    return f"Look at what {row['operation']} waits for (its database, other services) and at its host since then."


RESPONSE_TIME_DEGRADATION = Kind(
    "response_time_degradation", parameters=("as_of", "environments"), describe=describe, derive=derive
)
