"""insights.domain_experts: who knows each domain best, who is at hand, and on how many people it rests. Reads
insights.expertise_scores of the same as_of."""

from datetime import datetime

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.warehouse import Limits
from tasks.insights.computation import InsightResult, compute
from tasks.insights.expertise.confidence import confidence


def derive_experts(domains: pl.DataFrame, *, is_measured: bool) -> pl.DataFrame:
    """The table's rows.

    Args:
        domains: per domain its people, the first two in both orders and their margins.
        is_measured: the scores are made as they were when confidence was measured.
    """
    return domains.with_columns(
        confidence=confidence(pl.col("margin")),
        is_calibrated=pl.lit(is_measured) & (pl.col("people") >= 2) & ~pl.col("is_rollup"),
        has_single_holder=(pl.col("bus_factor") == 1).fill_null(value=False),
        no_data_reason=pl.when(pl.col("people") == 0).then(pl.lit("only_bots")),
    )


@task(name="domain_experts", cache_policy=NO_CACHE)
def domain_experts(home: str, *, limits: Limits, as_of: datetime, is_measured: bool) -> InsightResult:
    """Compute the table as of `as_of`."""
    return compute(
        home, limits, "domain_experts", {"as_of": as_of}, lambda domains: derive_experts(domains, is_measured=is_measured)
    )
