"""One table computed by the product's own task, or its bare GROUP BY, in a process of its own: `WHAT HOME`."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.measuring import report
from storage.home import Home
from storage.warehouse import Limits, warehouse
from tasks.insights.active_scans import active_scans
from tasks.insights.deployment_metrics import deployment_metrics
from tasks.insights.deployment_trends import deployment_trends
from tasks.insights.scan_performance import scan_performance

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
WINDOW = {"as_of": AS_OF, "window_days": 90}
ATTEMPTS = {"gap_seconds": 3600.0, "bound_seconds": 86_400.0}
LEAD = {"lead_bound_seconds": 31_536_000.0}
QUEUE = {"queue_bound_seconds": 604_800.0}
BARE = {
    "bare deployments": """
        SELECT environment, service, count(*), quantile_cont(epoch_us(finished_at) - epoch_us(started_at), [0.5, 0.9])
        FROM raw.deployments GROUP BY GROUPING SETS ((environment, service), (environment), (service), ())
    """,
    "bare scans": """
        SELECT data_source, scan_type, count(*), quantile_cont(epoch_us(finished_at) - epoch_us(started_at), [0.5, 0.9])
        FROM raw.scans GROUP BY data_source, scan_type
    """,
}


def tasks(home: str) -> dict[str, Callable[[], object]]:
    """Every measured table, under its name."""
    of_home = {"home": home, "limits": Limits()}
    return {
        "deployment_metrics": partial(deployment_metrics.fn, **of_home, **WINDOW, **ATTEMPTS, **LEAD, rework_seconds=86_400.0),
        "deployment_trends": partial(deployment_trends.fn, **of_home, **WINDOW, **ATTEMPTS),
        "scan_performance": partial(scan_performance.fn, **of_home, **WINDOW, **QUEUE),
        "active_scans": partial(active_scans.fn, **of_home, **WINDOW, **QUEUE),
    }


def ask(home: str, sql: str) -> int:
    with warehouse(Home(Path(home))) as con:
        return len(con.sql(sql).fetchall())


def main() -> None:
    what, home = sys.argv[1:]
    if what in BARE:
        report(partial(ask, home, BARE[what]))
    else:
        report(lambda: tasks(home)[what]().rows)


if __name__ == "__main__":
    main()
