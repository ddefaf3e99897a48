"""insights.performance_insights: what is wrong, and what to do about it. Reads the other insights of the same as_of, and raw for
details. A kind of finding is a module and its SELECT in `findings/`, and its line here."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.catalogue import INSIGHTS
from storage.clock import reading_at
from storage.findings import as_found, write_findings
from storage.frames import fetch
from storage.home import Home
from storage.transaction import transaction
from storage.warehouse import Limits, warehouse
from tasks.insights.computation import FOLDER, Computation, InsightResult, check_inputs, check_output, define_macros, enter
from tasks.insights.findings.anomaly import ANOMALY
from tasks.insights.findings.correlated_metrics import CORRELATED_METRICS
from tasks.insights.findings.cpu_spike import CPU_SPIKE
from tasks.insights.findings.deployment_failures import DEPLOYMENT_FAILURES
from tasks.insights.findings.disk_full import DISK_FULL
from tasks.insights.findings.error_rate_rise import ERROR_RATE_RISE
from tasks.insights.findings.expert_left import EXPERT_LEFT
from tasks.insights.findings.kind import Kind
from tasks.insights.findings.knowledge_at_risk import KNOWLEDGE_AT_RISK
from tasks.insights.findings.memory_leak import MEMORY_LEAK
from tasks.insights.findings.response_time_degradation import RESPONSE_TIME_DEGRADATION
from tasks.insights.findings.scan_slowdown import SCAN_SLOWDOWN
from tasks.insights.findings.stuck_deployment import STUCK_DEPLOYMENT
from tasks.insights.findings.stuck_scan import STUCK_SCAN
from tasks.insights.findings.sustained_cpu import SUSTAINED_CPU

KINDS = (
    STUCK_SCAN,
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
        parameters: as_of, window_days, gap_seconds.

    Raises:
        GovpulseError: a table that findings are read from holds another as_of.
    """
    as_of = parameters["as_of"]
    check_inputs(con, TABLE, as_of)
    return as_found([finding for kind in KINDS for finding in kind.findings(_rows(con, kind, parameters))], as_of)


def _rows(con: duckdb.DuckDBPyConnection, kind: Kind, parameters: Mapping[str, Any]) -> pl.DataFrame:
    sql = (FOLDER / "findings" / f"{kind.name}.sql").read_text()
    return fetch(con, sql, {name: parameters[name] for name in kind.parameters})


@task(name="performance_insights", cache_policy=NO_CACHE)
def performance_insights(home: str, *, limits: Limits, as_of: datetime, window_days: int, gap_seconds: float) -> InsightResult:
    """Find what is wrong as of `as_of`, and join it to what was found before.

    Raises:
        GovpulseError: a table that findings are read from holds another as_of; nothing is written.
    """
    started = time.monotonic()
    with warehouse(Home(Path(home)), limits) as con:
        read_at = reading_at(con, datetime.now(UTC))
        define_macros(con)
        found = find(con, {"as_of": as_of, "window_days": window_days, "gap_seconds": gap_seconds})
    check_output(TABLE, found)
    with warehouse(Home(Path(home)), limits) as con, transaction(con):
        write_findings(con, found, as_of)
        enter(con, Computation(TABLE.name, as_of, None, found.height, time.monotonic() - started, read_at))
    return InsightResult(TABLE.name, found.height, None)
