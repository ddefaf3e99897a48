"""How sure it is that the first by knowledge owns a domain."""

import polars as pl

from tasks.insights.expertise.rules import ExpertiseRules

MEDIUM_MARGIN = 0.15
HIGH_MARGIN = 0.5
MEASURED_WEIGHTS = {"create": 4.0, "coauthor": 0.8}
OWNED = {"low": 0.54, "medium": 0.78, "high": 0.86}
"""Where it says so, the first is a declared owner that often: mean of six labelled sets (benchmarks.expertise)."""


def confidence(margin: pl.Expr) -> pl.Expr:
    """`low`, `medium` or `high` by margin; NULL without one."""
    return (
        pl.when(margin >= HIGH_MARGIN)
        .then(pl.lit("high"))
        .when(margin >= MEDIUM_MARGIN)
        .then(pl.lit("medium"))
        .when(margin.is_not_null())
        .then(pl.lit("low"))
    )


def is_measured(rules: ExpertiseRules) -> bool:
    """Whether knowledge is made as it was when the confidence was measured."""
    return rules.knowledge_weights == MEASURED_WEIGHTS
