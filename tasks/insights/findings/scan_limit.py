"""Scans that miss a limit of your own. Reads insights.scan_limits."""

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where

ADVICE = {
    "running": "Look at what it is doing; cancel it if it does nothing. If it is right and takes this long, raise the limit",
    "not_begun": "Runs of it take about as long as they may: find out what slows them down, or raise the limit",
    "not_requested": "Check the schedule, and that the platform's scheduler runs; start it by hand if it is needed today",
    "under_way": "Look at what it is doing, and at what runs beside it; tell those who wait for it",
    "failed": "Look at why it failed, and start it again",
}


def describe(row: SelectedRow) -> Finding:
    """A limit is missed, or will likely be."""
    has_missed = row["verdict"] == "missed"
    names = ("state", "miss_probability", "due_at", "longest_seconds", "run_started_at", "history_runs", "scan_id")
    return Finding(
        subject=row["subject"],
        severity="critical" if has_missed else "warning",
        started_at=row["since"],
        statement=f"{row['subject']} {'is missed' if has_missed else 'will probably be missed'}: {row['evidence']}",
        recommendation=f"{ADVICE[row['state']]}.",
        evidence={name: row[name] for name in names} | {"sql": rows_where("insights.scan_limits", {"subject": row["subject"]})},
        confidence=row["miss_probability"],
        is_sample=row["is_sample"],
    )


SCAN_LIMIT = Kind("scan_limit", parameters=(), describe=describe)
