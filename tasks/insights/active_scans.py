"""insights.active_scans: every scan not finished at `as_of`. Reads raw.scans."""

from datetime import datetime

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.warehouse import Limits
from tasks.insights.computation import InsightResult, compute


@task(name="active_scans", cache_policy=NO_CACHE)
def active_scans(home: str, *, limits: Limits, as_of: datetime) -> InsightResult:
    """Compute the table as of `as_of`."""
    return compute(home, limits, "active_scans", {"as_of": as_of}, pl.DataFrame.clone)
