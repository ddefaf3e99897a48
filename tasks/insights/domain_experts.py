"""insights.domain_experts: who knows each domain best, who is at hand, and on how many people it rests. Reads
insights.expertise_scores of the same as_of."""

import polars as pl

from tasks.insights.expertise.confidence import confidence, is_measured
from tasks.insights.expertise.rules import ExpertiseRules
from tasks.insights.insight import Insight


def derive_experts(domains: pl.DataFrame, rules: ExpertiseRules) -> pl.DataFrame:
    """The table's rows.

    Args:
        domains: per domain its people, the first two in both orders and their margins.
        rules: by which the scores are made; confidence says how often it is right where they are those it was measured with.
    """
    return domains.with_columns(
        confidence=confidence(pl.col("margin")),
        is_calibrated=pl.lit(is_measured(rules)) & (pl.col("people") >= 2) & ~pl.col("is_rollup"),
        has_single_holder=(pl.col("bus_factor") == 1).fill_null(value=False),
        no_data_reason=pl.when(pl.col("people") == 0).then(pl.lit("only_bots")),
    )


DOMAIN_EXPERTS = Insight(
    __file__,
    takes={"rules": "expertise.rules"},
    derive=derive_experts,
)
