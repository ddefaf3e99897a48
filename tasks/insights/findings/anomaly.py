"""Hosts that behave unusually, and not by the calendar. Reads insights.anomalies."""

import json

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import listed, minute, percent, times
from tasks.wording import counted, duration

CONFIDENCE = {"critical": 0.94, "warning": 0.74}
"""How many of such episodes touched a labelled incident on ten labelled servers, with models trained anew each day: all of 16,
which is (k + 1) / (n + 2); 34 of 46."""
NAMED = 3
NUMBERS = ("peak", "peak_at", "threshold", "minutes", "coverage", "strands", "others")


def describe(row: SelectedRow) -> Finding:
    named = [_name(each) for each in json.loads(row["top_metrics"])]
    since, until = (f"observed_at {sign} '{row[name].isoformat()}'" for sign, name in ((">=", "started_at"), ("<=", "ended_at")))
    rows = rows_where("insights.anomaly_scores", {"host": row["host"]}, since, until, order_by="observed_at")
    return Finding(
        subject=row["host"],
        severity=row["severity"],
        started_at=row["started_at"],
        statement=_statement(row, named),
        recommendation=_recommendation(row, named),
        evidence={name: row[name] for name in NUMBERS} | {"top_metrics": row["top_metrics"], "sql": rows},
        confidence=CONFIDENCE[row["severity"]],
        is_sample=False,
    )


def _statement(row: SelectedRow, named: list[str]) -> str:
    lasts = f"{'has behaved' if row['is_ongoing'] else 'behaved'} unusually for {duration(row['seconds'])}"
    shares = [f"{name} ({percent(each['contribution'])})" for name, each in zip(named, json.loads(row["top_metrics"]), strict=True)]
    mostly = f", mostly because of {listed(shares[:NAMED])}" if shares else ""
    return (
        f"{row['host']} {lasts}; its score reached {times(row['peak'])} at {minute(row['peak_at'])}"
        f" (threshold {times(row['threshold'])}){mostly}"
    )


def _recommendation(row: SelectedRow, named: list[str]) -> str:
    shared = f"{counted(row['others'], 'other host')} behaved unusually at the same time: look first at what they share. " * (
        row["others"] > 0
    )
    looked = (
        f"Look at {listed(named[:NAMED])} on {row['host']} from {minute(row['started_at'])} on" if named else "Look at its metrics"
    )
    return f"{shared}{looked}, and at what was deployed, scheduled or restarted there at that time."


def _name(named: dict[str, str]) -> str:
    return f"{named['metric']} {named['attributes']}".strip()


ANOMALY = Kind("anomaly", parameters=("as_of",), describe=describe)
