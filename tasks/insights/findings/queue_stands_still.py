"""Queues in which scans wait and none begins. Reads insights.scan_queues."""

import json

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import minute

CONFIDENCE = 0.95
"""The limit lies beyond what 99 of 100 starts stayed under; no distribution is fitted."""


def describe(row: SelectedRow) -> Finding:
    """A queue stands still since something waits and nothing has begun."""
    begun = f"The last one began {minute(row['last_started_at'])}." if row["last_started_at"] else "None has begun yet."
    names = ("waiting", "still_seconds", "limit_seconds", "starts", "last_started_at")
    return Finding(
        subject=row["subject"],
        severity="critical",
        started_at=max(filter(None, (row["waiting_since"], row["last_started_at"]))),
        statement=f"The scan queue of {row['subject']} stands still: {row['evidence']}",
        recommendation=(
            "Check that the platform's scheduler runs and that its executors or workers are up and have free slots; "
            f"the waiting scans need no attention of their own. {begun}"
        ),
        evidence={name: row[name] for name in names}
        | {"scans": json.loads(row["scans"]), "sql": rows_where("insights.scan_queues", {"subject": row["subject"]})},
        confidence=CONFIDENCE,
        is_sample=row["is_sample"],
    )


QUEUE_STANDS_STILL = Kind("queue_stands_still", parameters=(), describe=describe)
