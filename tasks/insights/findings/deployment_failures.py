"""Services whose deployments to an environment fail too often. Reads insights.deployment_trends and insights.deployment_metrics,
and of raw.deployments what failed."""

from datetime import datetime, timedelta
from typing import Any

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import date, listed, minute, share_of
from tasks.wording import counted, plural

CRITICAL_BELOW = 0.6
"""Critical where the success rate is lower than that whatever the chance."""
LOW_CONFIDENCE = 0.975
"""That a rate is below the upper end of its exact 95 % interval."""
RECOVERED = 3
"""So many successes one after the other say that it may be over."""
CLUSTERED = 2
"""So many failed deployments of one version, more than half of all, are the version's fault."""
LEVELS = (
    *("change", "changed_at", "level_before", "level_before_low", "level_before_high", "before"),
    *("level_after", "level_after_low", "level_after_high", "after", "change_q_value"),
)
RATES = ("window_days", "deployments", "success_rate", "success_rate_exact_low", "success_rate_exact_high")
FAILURES = ("failures", "last_failed_at", "successes_since", "failed_ids", "failed_versions")


def describe(row: SelectedRow) -> Finding:
    """By the level that the rate fell to, where it fell; else by the rate of the whole window."""
    is_fallen = row["is_fallen"]
    high = row["level_after_high" if is_fallen else "success_rate_exact_high"]
    return Finding(
        subject=row["service"],
        labels={"environment": row["environment"]},
        severity="critical" if high < CRITICAL_BELOW else "warning",
        started_at=row["changed_at"] if is_fallen else _first_failure(row),
        statement=f"Deployments of {_where(row)}: {_fallen(row) if is_fallen else _low(row)}",
        recommendation=_recommendation(row),
        evidence=_evidence(row),
        confidence=1 - row["change_q_value"] if is_fallen else LOW_CONFIDENCE,
        is_sample=row["is_sample"],
    )


def _first_failure(row: SelectedRow) -> datetime:
    """In the window; its start, where the failures have been deleted since they were counted."""
    opened: datetime = row["as_of"] - timedelta(days=row["window_days"])
    return row["first_failed_at"] or opened


def _fallen(row: SelectedRow) -> str:
    return (
        f"{_level(row, 'after', 'deployment')} have succeeded since {date(row['changed_at'])}, {_level(row, 'before')} before that"
    )


def _low(row: SelectedRow) -> str:
    rate = share_of(
        row["success_rate"], row["success_rate_exact_low"], row["success_rate_exact_high"], row["deployments"], "deployment"
    )
    if row["changed_at"] is not None:
        return f"{_fallen(row)}; {rate} over all of the last {row['window_days']} days"
    return f"{rate} succeeded in the last {row['window_days']} days; {_trend(row)}"


def _trend(row: SelectedRow) -> str:
    return "no evidence that it was ever better" if row["change"] == "no_evidence" else "too few deployments to tell since when"


def _level(row: SelectedRow, side: str, what: str = "") -> str:
    return share_of(row[f"level_{side}"], row[f"level_{side}_low"], row[f"level_{side}_high"], row[side], what)


def _recommendation(row: SelectedRow) -> str:
    """What to do, by whether it is over, and whether it is one version's fault; then what to look at."""
    hold = f"Hold further releases of {_where(row)}"
    if not row["failures"]:
        return f"{hold}; the failed attempts are no longer in raw.deployments."
    if row["successes_since"] >= RECOVERED:
        return f"{_successes(row)}, so it may be over: before the next release of {_where(row)}, look at {_attempts(row)}."
    if row["successes_since"]:
        return f"{hold}, and look at {_attempts(row)}. {_successes(row)}, too few to say that it is over."
    if _is_of_one_version(row):
        return f"{_version(row)}. {hold} until it is clear why, and look at {_attempts(row)}."
    return f"{hold}, and look at {_attempts(row)}."


def _is_of_one_version(row: SelectedRow) -> bool:
    """Whether most failures are of the version that failed last."""
    failures: int = row["newest"]["failures"]
    return failures >= CLUSTERED and 2 * failures > row["failures"]


def _successes(row: SelectedRow) -> str:
    since, latest = row["successes_since"], minute(row["last_succeeded_at"])
    if since == 1:
        return f"The last deployment succeeded, {latest}"
    return f"The last {since:,} deployments succeeded, the latest {latest}"


def _version(row: SelectedRow) -> str:
    newest, sound = row["newest"], row["sound"]
    share = f"{newest['failures']:,} of the {row['failures']:,} failed deployments"
    place = f"{row['service']} in {row['environment']}"
    if newest["is_rolled_back"]:
        return f"Version {newest['version']} of {place}, which accounts for {share}, was rolled back: leave it that way"
    target = f"{sound['version']}, which succeeded {minute(sound['ended_at'])}" if sound else "the version before it"
    return f"Roll {place} back from {newest['version']}, which accounts for {share}, to {target}"


def _where(row: SelectedRow) -> str:
    return f"{row['service']} to {row['environment']}"


def _attempts(row: SelectedRow) -> str:
    ids, versions = row["failed_ids"], row["failed_versions"]
    named = f"{plural('version', len(versions))} {listed(versions)}, the latest {minute(row['last_failed_at'])}"
    last = f"the {plural('attempt', len(ids))} {listed(ids)}"
    return f"{last} ({named}; {counted(row['failures'], 'failed deployment')} in all)"


def _evidence(row: SelectedRow) -> dict[str, Any]:
    table = "deployment_trends" if row["is_fallen"] else "deployment_metrics"
    rows = rows_where(f"insights.{table}", {name: row[name] for name in ("environment", "service")})
    kept = {name: row[name] for name in (*LEVELS, *RATES, *FAILURES)}
    return kept | {"sql": rows}


DEPLOYMENT_FAILURES = Kind(
    "deployment_failures",
    parameters=("as_of", "window_days", "gap_seconds", "environments"),
    describe=describe,
)
