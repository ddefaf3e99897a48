"""insights.deployment_trends."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, WINDOW_DAYS, count, interval
from storage.catalogue.model import Column, Table

DEPLOYMENT_TRENDS = Table(
    schema="insights",
    name="deployment_trends",
    description=(
        "Per environment x service, how success rate and duration moved over the window: the weekly series, its slope, and the "
        "day since when the level is another. Weeks and days are counted back from `as_of`. No evidence of change is a value."
    ),
    columns=(
        AS_OF,
        WINDOW_DAYS,
        Column("environment", "VARCHAR", "environment", is_required=True),
        Column("service", "VARCHAR", "service", is_required=True),
        Column("metric", "VARCHAR", "`success_rate`, or `median_duration_seconds` of the succeeded", is_required=True),
        Column("first_week_at", "TIMESTAMPTZ", "start of the first of the weekly values", is_required=True),
        Column(
            "weekly_values",
            "DOUBLE[]",
            "the metric of each whole week, oldest first (fraction, or s); NULL without deployments",
            is_required=True,
        ),
        Column("weekly_counts", "BIGINT[]", "deployments behind each of them (count)", is_required=True),
        count("weeks", "weeks with a value"),
        Column(
            "slope_per_week",
            "DOUBLE",
            "median slope (Theil 1950, Sen 1968) of the weekly values: change of the rate a week, or of the duration as a share "
            "of itself a week",
        ),
        *interval("slope_per_week", "slope_per_week", "from Kendall's statistic (Sen 1968)"),
        Column("slope_p_value", "DOUBLE", "two-sided, no slope (Kendall's tau)"),
        Column("slope_q_value", "DOUBLE", "the same, false discoveries controlled over the services (Benjamini & Hochberg 1995)"),
        Column("trend", "VARCHAR", "`rising`, `falling`, `no_evidence` or `too_little_data`", is_required=True),
        count("days", "days with a value"),
        Column("changed_at", "TIMESTAMPTZ", "start of the first day at the new level; NULL without evidence of a change"),
        count("before", "deployments before it (for the rate), or days with a value (for the duration); all, without a change"),
        Column("level_before", "DOUBLE", "the rate, or the median of the daily medians (s), before it"),
        *interval("level_before", "level_before", "Wilson, or order statistics"),
        count("after", "the same from it on"),
        Column("level_after", "DOUBLE", "the rate, or the median of the daily medians (s), from it on"),
        *interval("level_after", "level_after", "Wilson, or order statistics"),
        Column("change_p_value", "DOUBLE", "no change of level anywhere in the window (docs/metrics.md)"),
        Column("change_q_value", "DOUBLE", "the same, false discoveries controlled over the services (Benjamini & Hochberg 1995)"),
        Column("change", "VARCHAR", "`higher`, `lower`, `no_evidence` or `too_little_data`", is_required=True),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("environment", "service", "metric"),
    is_published=True,
    has_history=True,
)
