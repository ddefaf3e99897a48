"""Deployments that are still pending or running though those like them ended long ago. Reads insights.deployment_metrics, which
counts them, and raw.deployments."""

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import minute
from tasks.insights.statistics.succession import chance_of_next
from tasks.wording import counted, duration

NUMBERS = (
    *("state", "version", "begun_at", "known_until", "elapsed_seconds", "ended", "longer", "stuck"),
    *("succeeded_since", "last_succeeded_at"),
)


def describe(row: SelectedRow) -> Finding:
    """It is critical until something goes out there after it: what it was to bring has not come, and it may be in the way."""
    rows = rows_where("insights.deployment_metrics", {name: row[name] for name in ("environment", "service")})
    return Finding(
        subject=row["subject"],
        severity="warning" if row["succeeded_since"] else "critical",
        started_at=row["begun_at"],
        statement=_statement(row),
        recommendation=_recommendation(row),
        evidence={name: row[name] for name in NUMBERS} | {"sql": rows},
        confidence=_confidence(row),
        is_sample=row["is_sample"],
    )


def _confidence(row: SelectedRow) -> float:
    """The chance that an attempt of this platform ends sooner than that, by those that ended."""
    ended: int = row["ended"]
    return chance_of_next(ended - row["longer"], ended)


def _deployment(row: SelectedRow) -> str:
    what = f"{row['service']} {row['version']}" if row["version"] else row["service"]
    return f"deployment {row['subject']} of {what} to {row['environment']}"


def _statement(row: SelectedRow) -> str:
    since = f"{_deployment(row)} has been {row['state']} for {duration(row['elapsed_seconds'])}, since {minute(row['begun_at'])}"
    if not row["ended"]:
        return f"{since}; no attempt to compare it with has ended in {counted(row['window_days'], 'day')}"
    longer = f"{row['longer']:,}" if row["longer"] else "none"
    return f"{since}; of {counted(row['ended'], 'attempt')} that ended in {row['window_days']} days {longer} took as long"


def _recommendation(row: SelectedRow) -> str:
    close = f"close the record of {_deployment(row)} in the platform"
    if row["succeeded_since"]:
        since, latest = counted(row["succeeded_since"], "deployment"), minute(row["last_succeeded_at"])
        return (
            f"{since} of {row['service']} to {row['environment']} succeeded since, the latest of {row['last_version']} {latest}, so"
            f" nothing waits for it: make sure that its job no longer runs, and {close}."
        )
    if row["state"] == "pending":
        waits = f"waits for an approval, or nothing picks up deployments to {row['environment']}"
        return f"Check whether it {waits}; otherwise {close}, and start it again."
    return f"Check whether its job still runs; if not, {close}, check what it already deployed, and start it again."


STUCK_DEPLOYMENT = Kind("stuck_deployment", parameters=("as_of", "window_days", "gap_seconds", "environments"), describe=describe)
