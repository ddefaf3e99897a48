"""insights.deployment_trends."""

from storage.catalogue.insights.deployment_columns import DEFINITION
from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, WINDOW_DAYS, count, interval
from storage.catalogue.model import Column, Table

DEPLOYMENT_TRENDS = Table(
    schema="insights",
    name="deployment_trends",
    description=(
        "How success rate and duration moved over the window, per environment x service: the weekly series, its "
        'slope, and the day when the level changed. Weeks and days are counted back from `as_of`. "No evidence of '
        'change" is a result too.'
    ),
    columns=(
        AS_OF,
        WINDOW_DAYS,
        Column("environment", "VARCHAR", "environment", is_required=True),
        Column("service", "VARCHAR", "service", is_required=True),
        Column("metric", "VARCHAR", "`success_rate`, or `median_duration_seconds` of successful deployments", is_required=True),
        Column("first_week_at", "TIMESTAMPTZ", "start of the first week", is_required=True),
        Column(
            "weekly_values",
            "DOUBLE[]",
            "the metric for each whole week, oldest first (fraction, or s); NULL without deployments",
            is_required=True,
        ),
        Column("weekly_counts", "BIGINT[]", "deployments in each week (count)", is_required=True),
        count("weeks", "weeks with a value"),
        Column(
            "slope_per_week",
            "DOUBLE",
            "median slope (Theil 1950, Sen 1968) of the weekly values: change per week of the rate, or of the duration as "
            "a share of itself",
        ),
        *interval("slope_per_week", "slope_per_week", "from Kendall's statistic (Sen 1968)"),
        Column("slope_p_value", "DOUBLE", "two-sided p-value for no slope (Kendall's tau)"),
        Column(
            "slope_q_value", "DOUBLE", "the same, with false discoveries controlled over the services (Benjamini & Hochberg 1995)"
        ),
        Column("trend", "VARCHAR", "`rising`, `falling`, `no_evidence` or `too_little_data`", is_required=True),
        count("days", "days with a value"),
        Column("changed_at", "TIMESTAMPTZ", "start of the first day at the new level; NULL without evidence of a change"),
        count(
            "before",
            "deployments (for the rate) or days with a value (for the duration) before changed_at; all of them if there "
            "is no change",
        ),
        Column("level_before", "DOUBLE", "the rate, or the median of the daily medians (s), before changed_at"),
        *interval("level_before", "level_before", "Wilson, or order statistics"),
        count("after", "the same as `before`, from changed_at on"),
        Column("level_after", "DOUBLE", "the rate, or the median of the daily medians (s), from changed_at on"),
        *interval("level_after", "level_after", "Wilson, or order statistics"),
        Column("change_p_value", "DOUBLE", "p-value for no change of level anywhere in the window (docs/metrics.md)"),
        Column(
            "change_q_value", "DOUBLE", "the same, with false discoveries controlled over the services (Benjamini & Hochberg 1995)"
        ),
        Column("change", "VARCHAR", "`higher`, `lower`, `no_evidence` or `too_little_data`", is_required=True),
        IS_SAMPLE,
        DEFINITION,
    ),
    verb="replace",
    key=("environment", "service", "metric"),
    is_published=True,
    has_history=True,
)
