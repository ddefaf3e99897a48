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
INTERVALS = 3
"""A host that is sampled so seldom that fewer samples than this would count is looked at over as many of its usual intervals."""
CROSSING = ("disk_full", "memory_leak")
"""Kinds of findings that say when something is full."""
FINDING_DEFAULTS = {"warning": 1.0, "critical": 2.0}


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
    said = f"{'attributes, ' if attributes is None else ''}{STATISTICS[values.get('statistic', 'mean')]} AS value"
    sql = f"""
WITH seldom AS (
  SELECT host, {INTERVALS} * (epoch(max(hour_at)) - epoch(min(hour_at)) + 3600) / sum(samples) AS seconds
  FROM insights.system_metrics_hourly
  WHERE {which} AND hour_at > $as_of - INTERVAL 2 DAY AND hour_at <= $as_of AND samples > 0
  GROUP BY host, attributes HAVING seconds > {seconds}
)
SELECT host AS subject, {said}
FROM raw.system_metrics ANTI JOIN seldom USING (host)
WHERE {which} AND status = 'ok' AND isfinite(value)
  AND observed_at > $as_of - INTERVAL {seconds} SECOND AND observed_at <= $as_of
GROUP BY ALL
UNION ALL
SELECT host AS subject, {said}
FROM raw.system_metrics INNER JOIN (SELECT host, max(seconds) AS seconds FROM seldom GROUP BY host) USING (host)
WHERE {which} AND status = 'ok' AND isfinite(value) AND observed_at > $as_of - INTERVAL 2 DAY
  AND epoch(observed_at) > epoch($as_of) - seconds AND observed_at <= $as_of
GROUP BY ALL
"""
    evidence = (
        f"SELECT observed_at, attributes, value, status FROM raw.system_metrics WHERE host = {{subject}} AND {which}"
        " AND observed_at > {as_of} - INTERVAL 1 HOUR AND observed_at <= {as_of} ORDER BY observed_at"
    )
    return {"sql": sql, "evidence": evidence}


def _of_finding(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    left = "greatest(0, epoch(TRY_CAST(evidence ->> 'crosses_at' AS TIMESTAMPTZ)) - epoch($as_of)) AS seconds_left"
    sql = f"""
SELECT subject, labels, CASE severity WHEN 'warning' THEN 1 WHEN 'critical' THEN 2 END AS value, statement AS detail,
       is_sample{f", {left}" if kind in CROSSING else ""}
FROM insights.performance_insights
WHERE kind = '{kind}' AND first_found_at <= $as_of AND (ended_at IS NULL OR ended_at > $as_of)
"""
    evidence = (
        "SELECT subject, labels, severity, started_at, statement, recommendation, evidence FROM insights.performance_insights"
        f" WHERE kind = '{kind}' AND subject = {{subject}} AND first_found_at <= {{as_of}}"
        " AND (ended_at IS NULL OR ended_at > {as_of})"
    )
    has_threshold = any(key in given for key in FINDING_DEFAULTS)
    return {"sql": sql, "evidence": evidence, "message": "{detail}"} | ({} if has_threshold else FINDING_DEFAULTS)
