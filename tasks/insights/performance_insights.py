"""insights.performance_insights: what is wrong, and what to do about it. Reads the other insights of the same as_of, and raw for
details. A kind of finding is a module and its SELECT in `findings/`, and its line here."""

from collections.abc import Mapping
from typing import Any

import duckdb
import polars as pl

from storage.catalogue import INSIGHTS
from storage.frames import fetch
from tasks.insights.book import check_output
from tasks.insights.findings.anomaly import ANOMALY
from tasks.insights.findings.correlated_metrics import CORRELATED_METRICS
from tasks.insights.findings.cpu_spike import CPU_SPIKE
from tasks.insights.findings.deployment_failures import DEPLOYMENT_FAILURES
from tasks.insights.findings.disk_full import DISK_FULL
from tasks.insights.findings.error_rate_rise import ERROR_RATE_RISE
from tasks.insights.findings.expert_left import EXPERT_LEFT
from tasks.insights.findings.joining import as_found, write_findings
from tasks.insights.findings.kind import Kind
from tasks.insights.findings.knowledge_at_risk import KNOWLEDGE_AT_RISK
from tasks.insights.findings.memory_leak import MEMORY_LEAK
from tasks.insights.findings.queue_stands_still import QUEUE_STANDS_STILL
from tasks.insights.findings.response_time_degradation import RESPONSE_TIME_DEGRADATION
from tasks.insights.findings.scan_limit import SCAN_LIMIT
from tasks.insights.findings.scan_slowdown import SCAN_SLOWDOWN
from tasks.insights.findings.stuck_deployment import STUCK_DEPLOYMENT
from tasks.insights.findings.stuck_scan import STUCK_SCAN
from tasks.insights.findings.sustained_cpu import SUSTAINED_CPU
from tasks.insights.insight import Insight, Underway

KINDS = (
    STUCK_SCAN,
    QUEUE_STANDS_STILL,
    SCAN_LIMIT,
    SCAN_SLOWDOWN,
    DEPLOYMENT_FAILURES,
    STUCK_DEPLOYMENT,
    KNOWLEDGE_AT_RISK,
    EXPERT_LEFT,
    RESPONSE_TIME_DEGRADATION,
    ERROR_RATE_RISE,
    CORRELATED_METRICS,
    DISK_FULL,
    MEMORY_LEAK,
    SUSTAINED_CPU,
    CPU_SPIKE,
    ANOMALY,
)
TABLE = INSIGHTS["performance_insights"]


def find(con: duckdb.DuckDBPyConnection, parameters: Mapping[str, Any]) -> pl.DataFrame:
    """What is wrong as of `as_of`, as rows of the table as if nobody had found it before. `con` has to have the macros.

    Args:
        parameters: as_of, window_days, gap_seconds, environments.
    """
    found = [finding for kind in KINDS for finding in kind.findings(_rows(con, kind, parameters))]
    return as_found(found, parameters["as_of"])


def _rows(con: duckdb.DuckDBPyConnection, kind: Kind, parameters: Mapping[str, Any]) -> pl.DataFrame:
    return fetch(con, kind.select, {name: parameters[name] for name in kind.parameters})


def find_and_join(underway: Underway) -> None:
    """Find what is wrong as of as_of, and join it to what was found before."""
    with underway.reading() as con:
        found = find(con, {"as_of": underway.as_of, **underway.given})
    check_output(TABLE, found)
    underway.rows = found.height
    with underway.writing() as con:
        write_findings(con, found, underway.as_of)


PERFORMANCE_INSIGHTS = Insight(
    __file__,
    reads=("scans", "deployments", "activity", "users", "system_metrics"),
    takes={
        "window_days": "insights.window_days",
        "gap_seconds": "insights.attempt_gap_seconds",
        "environments": "insights.environment_names",
    },
    compute=find_and_join,
)
