"""insights.anomalies: episodes of anomalous minutes. Reads insights.anomaly_scores, ops to know which of them are new, and its own
rows to know which episodes these may belong to."""

from datetime import datetime
from pathlib import Path

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.home import Home
from storage.warehouse import Limits, warehouse
from tasks.insights.computation import FOLDER, InsightResult, compute

SINCE = FOLDER / "detection" / "since.sql"


@task(name="anomalies", cache_policy=NO_CACHE)
def anomalies(home: str, *, limits: Limits, as_of: datetime) -> InsightResult:
    """Find the episodes that have new minutes anew, up to `as_of`."""
    with warehouse(Home(Path(home)), limits) as con:
        since: datetime = con.execute(SINCE.read_text(), {"as_of": as_of}).fetchall()[0][0]
    parameters = {"as_of": as_of, "since": since}
    return compute(home, limits, "anomalies", parameters, pl.DataFrame.clone, window=(since, as_of))
