"""Scans that are still queued or running though nothing works on them any more. Reads insights.active_scans."""

from datetime import datetime, timedelta

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import minute, probability


def describe(row: SelectedRow) -> Finding:
    """A scan is stuck since it should have come further at the latest: what 95 of 100 need, after it began."""
    sql = rows_where("insights.active_scans", {"subject": row["subject"]})
    names = ("status", "elapsed_seconds", "usual_seconds", "slow_seconds", "dead_probability", "history_runs", "changed_at")
    return Finding(
        subject=row["subject"],
        severity="critical",
        started_at=_started_at(row),
        statement=f"{_scan(row)} is probably dead ({probability(row['dead_probability'])}): {row['evidence']}",
        recommendation=_recommendation(row),
        evidence={name: row[name] for name in names} | {"sql": sql},
        confidence=row["dead_probability"],
        is_sample=row["is_sample"],
    )


def _scan(row: SelectedRow) -> str:
    return f"{row['scan_type']} scan {row['subject']} of {row['data_source']}"


def _started_at(row: SelectedRow) -> datetime:
    since: datetime = row["since"]
    as_of: datetime = row["as_of"]
    return min(since + timedelta(seconds=row["slow_seconds"] or 0.0), as_of)


def _recommendation(row: SelectedRow) -> str:
    scan = f"scan {row['subject']} of {row['data_source']}"
    changed = row["changed_at"]
    heard = f"its record last changed {minute(changed)}" if changed else "when its record last changed is not known"
    if row["status"] == "queued":
        return (
            f"Check that the platform's scheduler and its scanning host pick up scans; cancel {scan} and request it again; {heard}."
        )
    return f"Check on the scanning host whether its process still runs; cancel {scan} in the platform and start it again; {heard}."


STUCK_SCAN = Kind("stuck_scan", parameters=("as_of",), describe=describe)
