"""What people look at first, from the published file: what to do, the deployments, the scans, the alerts, the refused rows."""

from pathlib import Path

import polars as pl

from storage.home import Home
from storage.published import ask_published

DEPLOYMENTS = """
SELECT environment, service, deployments, success_rate, success_rate_low, success_rate_high,
       success_rate_shrunk, success_rate_shrunk_low, success_rate_shrunk_high,
       durations, median_duration_seconds, median_duration_low, median_duration_high,
       coalesce(no_data_reason, CASE WHEN durations < 6 THEN 'no interval of the median under 6 durations' END) AS reason, is_sample
FROM insights.deployment_metrics
WHERE environment <> 'all' OR service = 'all'
ORDER BY environment = 'all' AND service = 'all' DESC, success_rate_shrunk NULLS LAST, success_rate, environment, service
"""

SCANS = """
SELECT verdict, subject AS scan_id, data_source, scan_type, status, evidence, finish_low_at, finish_high_at, no_finish_reason,
       is_sample
FROM insights.active_scans
ORDER BY dead_probability DESC NULLS LAST, elapsed_seconds DESC NULLS LAST, subject
"""

FINDINGS = """
SELECT severity, kind, subject, started_at, statement, recommendation, confidence, is_sample
FROM insights.performance_insights
WHERE ended_at IS NULL
ORDER BY row_number() OVER (PARTITION BY kind ORDER BY severity, started_at DESC, subject), severity, kind
"""

ALERTS = """
SELECT severity, rule, subject, state, value, reason, firing_since, is_sample
FROM alerts.alerts
JOIN (SELECT fingerprint, arg_max(reason, transitioned_at) AS reason FROM alerts.transitions GROUP BY ALL) USING (fingerprint)
WHERE state IN ('firing', 'recovering', 'no_data', 'error')
ORDER BY severity, rule, firing_since, subject
"""

REJECTED = """
SELECT dataset, count(*) AS rows, coalesce(any_value(outdated.rows), 0) AS outdated
FROM ops.rejected_rows
LEFT JOIN (SELECT dataset, count(*) AS rows FROM ops.outdated_rows GROUP BY ALL) AS outdated USING (dataset)
GROUP BY dataset ORDER BY dataset
"""

REASONS = """
SELECT dataset, reason, count(*) AS rows, min(key) AS for_example, max(rejected_at) AS last_rejected_at
FROM ops.rejected_rows GROUP BY dataset, reason ORDER BY rows DESC, dataset, reason LIMIT 50
"""

RECONCILED = """
SELECT * FROM ops.reconciliations
QUALIFY reconciled_at = max(reconciled_at) OVER (PARTITION BY source) ORDER BY source, dataset
"""


def deployment_board(home: str) -> pl.DataFrame:
    """Environment x service, all of them first, then the worst, each drawn towards the others as far as it has few deployments."""
    return _ask(home, DEPLOYMENTS)


def scan_board(home: str) -> pl.DataFrame:
    """The scans that have not finished, the likeliest to be dead first."""
    return _ask(home, SCANS)


def finding_board(home: str) -> pl.DataFrame:
    """What is wrong now and what to do about it: of each kind in turn the worst, then the newest."""
    return _ask(home, FINDINGS)


def alert_board(home: str) -> pl.DataFrame:
    """The alerts that have not ended, critical ones first."""
    return _ask(home, ALERTS)


def rejected_board(home: str) -> pl.DataFrame:
    """Refused rows by dataset."""
    return _ask(home, REJECTED)


def reason_board(home: str) -> pl.DataFrame:
    """Why rows were refused, the commonest reasons first."""
    return _ask(home, REASONS)


def reconciliation_board(home: str) -> pl.DataFrame:
    """What comparing with the source found the last time."""
    return _ask(home, RECONCILED)


def _ask(home: str, sql: str) -> pl.DataFrame:
    return ask_published(Home(Path(home)).published, sql)
