"""Slow operations whose response times follow a metric of a host minute by minute: where to look first. Reads
insights.metric_correlations and insights.application_health."""

from tasks.insights.findings.hosts import parsed
from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.operations import seconds
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import minute, times
from tasks.wording import counted

SLOW = 0.975
"""That the 95th percentile is beyond the lower end of its 95 % interval."""
NUMBERS = (
    *("host", "metric", "attributes", "lag_minutes", "correlation", "correlation_low", "correlation_high", "samples", "coverage"),
    *("p_value", "q_value", "tested", "hour_at", "p95_seconds", "p95_ratio", "other_hosts"),
)


def describe(row: SelectedRow) -> Finding:
    """The operation is the subject, so that the finding goes on where another metric of the host comes closest."""
    rows = rows_where("insights.metric_correlations", {name: row[name] for name in ("host", "other", "other_metric")})
    return Finding(
        subject=row["operation"],
        severity="warning",
        started_at=row["started_at"],
        statement=_statement(row),
        recommendation=_recommendation(row),
        evidence={name: row[name] for name in NUMBERS} | {"sql": rows},
        confidence=SLOW * (1 - row["q_value"]),
        is_sample=False,
    )


def _statement(row: SelectedRow) -> str:
    low, high = row["correlation_low"], row["correlation_high"]
    moves = "rises" if row["correlation"] > 0 else "falls"
    lag = f"{counted(row['lag_minutes'], 'minute')} after" if row["lag_minutes"] else "in the same minute as"
    return (
        f"{row['operation']} has been slow since {minute(row['started_at'])}"
        f" (95 of 100 requests take up to {seconds(row['p95_seconds'])},"
        f" {times(row['p95_ratio'])} times the usual), and over the last 24 hours its median duration"
        f" {moves} {lag} {_metric(row)} rises:"
        f" correlation {row['correlation']:.2f} ({low:.2f} to {high:.2f}) over {counted(row['samples'], 'minute')}"
    )


def _recommendation(row: SelectedRow) -> str:
    others = f" ({counted(row['other_hosts'], 'other host')} likewise)" if row["other_hosts"] else ""
    return (
        f"Find out what drives {_metric(row)}{others} and whether {row['operation']} runs or waits there: a correlation is not"
        " proof, and both may have a third cause."
    )


def _metric(row: SelectedRow) -> str:
    """`system.disk.io_time (device sda) of db1`."""
    told = ", ".join(f"{key} {value}" for key, value in parsed(row["attributes"]).items())
    return f"{row['metric']}{f' ({told})' if told else ''} of {row['host']}"


CORRELATED_METRICS = Kind("correlated_metrics", parameters=("as_of",), describe=describe)
