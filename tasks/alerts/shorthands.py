"""The two shorthands of a rule, `metric` and `finding`: what they stand for as SQL, thresholds, message and evidence."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from storage.quoting import quote_text

FORMS = ("sql", "metric", "finding")
METRIC_KEYS = ("statistic", "over", "attributes")
"""They say more of a `metric`, and go with nothing else."""
Statistic = Literal["mean", "max", "min", "last"]
STATISTICS: dict[Statistic, str] = {
    "mean": "avg(value)",
    "max": "max(value)",
    "min": "min(value)",
    "last": "arg_max(value, observed_at)",
}
OVER = timedelta(minutes=10)
FINDING_DEFAULTS = {"warning": 1.0, "critical": 2.0}
HEAD, TAIL = "split_part(subject, ' / ', 1)", "substr(subject, strpos(subject, ' / ') + 3)"
STARTS, ENDS = "starts_with(subject, {subject} || ' / ')", "ends_with(subject, ' / ' || {subject})"
PARTS = {
    "disk_full": (f"{HEAD} AS subject, 'mountpoint=' || {TAIL} AS filesystem", STARTS),
    "memory_leak": (f"{HEAD} AS subject, {TAIL} AS part", STARTS),
    "sustained_cpu": (f"{HEAD} AS subject", STARTS),
    "cpu_spike": (f"{HEAD} AS subject", STARTS),
    "scan_slowdown": (f"{HEAD} AS subject, {TAIL} AS scan_type", STARTS),
    "deployment_failures": (f"{TAIL} AS subject, {HEAD} AS environment", ENDS),
}
"""Findings whose subject has two parts: the alert is about the host, the data source or the service, as those of other rules are,
and the rest is a label. Beside it, how the finding is known by the alert's subject."""
WHOLE = ("subject", "subject = {subject}")


def expand(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a rule without its shorthand, which has become `sql` and the defaults that go with it."""
    given = {key: value for key, value in values.items() if key not in (*FORMS[1:], *METRIC_KEYS)}
    if "metric" in values:
        return _of_metric(values) | given
    return _of_finding(values["finding"], given) | given if "finding" in values else given


def _of_metric(values: Mapping[str, Any]) -> dict[str, Any]:
    attributes = values.get("attributes")
    which = f"metric = {quote_text(values['metric'])}"
    which += "" if attributes is None else f" AND attributes = {quote_text(attributes)}"
    seconds = round(values.get("over", OVER).total_seconds())
    sql = f"""
SELECT host AS subject, {"attributes, " if attributes is None else ""}{STATISTICS[values.get("statistic", "mean")]} AS value
FROM raw.system_metrics
WHERE {which} AND status = 'ok' AND isfinite(value)
  AND observed_at > $as_of - INTERVAL {seconds} SECOND AND observed_at <= $as_of
GROUP BY ALL
"""
    evidence = (
        f"SELECT observed_at, attributes, value, status FROM raw.system_metrics WHERE host = {{subject}} AND {which}"
        " AND observed_at > {as_of} - INTERVAL 1 HOUR AND observed_at <= {as_of} ORDER BY observed_at"
    )
    return {"sql": sql, "evidence": evidence}


def _of_finding(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    columns, is_theirs = PARTS.get(kind, WHOLE)
    sql = f"""
SELECT {columns}, CASE severity WHEN 'warning' THEN 1 WHEN 'critical' THEN 2 END AS value, statement AS detail, is_sample
FROM insights.performance_insights
WHERE kind = '{kind}' AND first_found_at <= $as_of AND (ended_at IS NULL OR ended_at > $as_of)
"""
    evidence = (
        "SELECT subject, severity, started_at, statement, recommendation, evidence FROM insights.performance_insights"
        f" WHERE kind = '{kind}' AND {is_theirs} AND first_found_at <= {{as_of}} AND (ended_at IS NULL OR ended_at > {{as_of}})"
    )
    has_threshold = any(key in given for key in FINDING_DEFAULTS)
    return {"sql": sql, "evidence": evidence, "message": "{detail}"} | ({} if has_threshold else FINDING_DEFAULTS)
