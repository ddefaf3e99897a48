"""insights.domain_owners: whom the platform declares to own a domain, beside who knows it. Reads raw.owners, and
insights.domain_experts and insights.expertise_scores of the same as_of."""

from datetime import datetime

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.warehouse import Limits
from tasks.insights.computation import InsightResult, compute


@task(name="domain_owners", cache_policy=NO_CACHE)
def domain_owners(home: str, *, limits: Limits, as_of: datetime) -> InsightResult:
    """Compute the table as of `as_of`."""
    return compute(home, limits, "domain_owners", {"as_of": as_of}, pl.DataFrame.clone)
