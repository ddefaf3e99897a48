"""One table computed by the product's own task, or its bare GROUP BY, in a process of its own: `WHAT HOME`."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.measuring import report
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.active_scans import ACTIVE_SCANS
from tasks.insights.deployment_metrics import DEPLOYMENT_METRICS
from tasks.insights.deployment_periods import DEPLOYMENT_PERIODS
from tasks.insights.deployment_trends import DEPLOYMENT_TRENDS
from tasks.insights.scan_performance import SCAN_PERFORMANCE
from tests.insights import compute_table

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
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


TABLES = {each.name: each for each in (DEPLOYMENT_METRICS, DEPLOYMENT_PERIODS, DEPLOYMENT_TRENDS, SCAN_PERFORMANCE, ACTIVE_SCANS)}


def ask(home: str, sql: str) -> int:
    with warehouse(Home(Path(home))) as con:
        return len(con.sql(sql).fetchall())


def main() -> None:
    what, home = sys.argv[1:]
    if what in BARE:
        report(partial(ask, home, BARE[what]))
    else:
        report(lambda: compute_table(TABLES[what], home, limits=Limits(), as_of=AS_OF).rows)


if __name__ == "__main__":
    main()
