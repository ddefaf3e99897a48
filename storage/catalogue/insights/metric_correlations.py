"""insights.metric_correlations."""

from storage.catalogue.insights.shared import AS_OF, count, interval
from storage.catalogue.model import Column, Table

WHAT = "correlation of what is new in each minute of the two (Haugh 1976)"

METRIC_CORRELATIONS = Table(
    schema="insights",
    name="metric_correlations",
    description=(
        "Metrics of one host that move together or one after the other, and with them what operations do, over the last 24 h by "
        "the minute: the strongest for each two resources, at most 20 a host of each kind. Not in it: what measures one whole "
        "(used and available memory), and processes."
    ),
    columns=(
        AS_OF,
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column("metric", "VARCHAR", "a metric of the host; of two, the one that leads", is_required=True),
        Column("attributes", "VARCHAR", "its attributes, sorted `k=v,k=v`", is_required=True),
        Column("other_kind", "VARCHAR", "what it is held against", is_required=True, allowed=("metric", "operation")),
        Column("other", "VARCHAR", "the host again, or the operation, of which nobody knows the host", is_required=True),
        Column(
            "other_metric",
            "VARCHAR",
            "another metric of the host; of an operation `requests`, `error_rate` or `p50_seconds`, each of the minute",
            is_required=True,
        ),
        Column("other_attributes", "VARCHAR", "of the other metric; empty for an operation", is_required=True),
        Column(
            "lag_minutes",
            "BIGINT",
            "by how many minutes metric leads other_metric; below 0, for operations only: other_metric leads; 30 at most (min)",
            is_required=True,
        ),
        Column("correlation", "DOUBLE", f"{WHAT}, at that lag; below 0: one falls where the other rises", is_required=True),
        *interval("correlation", "correlation", "Fisher's z, with a standard error that needs no normality"),
        count("samples", "minutes of which both are known"),
        Column("coverage", "DOUBLE", "samples / minutes of 24 h", is_required=True),
        Column("p_value", "DOUBLE", "two-sided, of no correlation at any lag (Sidak 1967)", is_required=True),
        Column("q_value", "DOUBLE", "of all pairs of the run (Benjamini & Hochberg 1995); .05 at most", is_required=True),
        count("tested", "pairs of that kind that were tested on that host"),
    ),
    verb="replace",
    key=("host", "metric", "attributes", "other_kind", "other", "other_metric", "other_attributes"),
    is_published=True,
)
