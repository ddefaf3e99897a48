"""Operations that fail more often than they did. Reads insights.application_health, and of raw.deployments what went out when it
began."""

import polars as pl

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.operations import bad_operations, evidence_of, what_to_do
from tasks.insights.findings.wording import minute, percent, share_of
from tasks.insights.health.runs import FAILED
from tasks.insights.statistics.intervals import with_rate

CRITICAL_FROM = 0.1
"""Critical where one request in ten fails at the least, whatever the chance."""
RATE = ("error_rate", "error_rate_low", "error_rate_high")


def derive(rows: pl.DataFrame) -> pl.DataFrame:
    """The rate of a day is that of its sums."""
    found = bad_operations(rows, FAILED)
    summed = [
        pl.when(pl.col("is_day")).then(rate).otherwise(pl.col(name)).alias(name)
        for name, rate in zip(RATE, with_rate("error_rate", "failed", "requests"), strict=True)
    ]
    return found.with_columns(summed)


def describe(row: SelectedRow) -> Finding:
    """By the last bad hour, or by the last day where hours have too few requests."""
    return Finding(
        subject=row["operation"],
        severity="critical" if row["error_rate_low"] >= CRITICAL_FROM else "warning",
        started_at=row["started_at"],
        statement=_statement(row),
        recommendation=what_to_do(row, _look(row)),
        evidence=evidence_of(row, ("failed", *RATE)),
        confidence=1 - row["q_value"],
        is_sample=row["is_sample"],
    )


def _statement(row: SelectedRow) -> str:
    rate = share_of(row["error_rate"], row["error_rate_low"], row["error_rate_high"], row["requests"], "request")
    if row["is_day"]:
        since = f"in the 24 hours since {minute(row['started_at'])}"
        return f"{row['operation']} has failed more often: {rate} failed {since}, usually {percent(row['usual_share'])}"
    return (
        f"{row['operation']} has failed more often since {minute(row['started_at'])}: {rate} failed in the hour from"
        f" {minute(row['hour_at'])}, usually {percent(row['usual_share'])}"
    )


def _look(row: SelectedRow) -> str:
    if row["kind"] == "query":
        return f"Look at the errors of {row['operation']} in the log of its database since then, and at what it reads."
    return f"Look at the errors of {row['operation']} in the service's log since then, and at what it calls."


ERROR_RATE_RISE = Kind("error_rate_rise", parameters=("as_of", "environments"), describe=describe, derive=derive)
