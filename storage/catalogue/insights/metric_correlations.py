"""insights.metric_correlations."""

from storage.catalogue.insights.shared import AS_OF, count, interval
from storage.catalogue.model import Column, Table

WHAT = "correlation of what is new in each minute of the two series (Haugh 1976)"

METRIC_CORRELATIONS = Table(
    schema="insights",
    name="metric_correlations",
    description=(
        "Metrics of one host that move together or one after the other, with each other or with operations, minute by "
        "minute over the last 24 h: the strongest correlation for each pair of resources, at most 20 per host and "
        "kind. Left out: two metrics of one whole (used and available memory), and processes."
    ),
    columns=(
        AS_OF,
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column("metric", "VARCHAR", "a metric of the host; of two, the one that leads", is_required=True),
        Column("attributes", "VARCHAR", "its attributes, sorted `k=v,k=v`", is_required=True),
        Column("other_kind", "VARCHAR", "what it is compared with", is_required=True, allowed=("metric", "operation")),
        Column("other", "VARCHAR", "the host again, or the operation, whose host is not known", is_required=True),
        Column(
            "other_metric",
            "VARCHAR",
            "another metric of the host; for an operation `requests`, `error_rate` or `p50_seconds`, each per minute",
            is_required=True,
        ),
        Column("other_attributes", "VARCHAR", "attributes of the other metric; empty for an operation", is_required=True),
        Column(
            "lag_minutes",
            "BIGINT",
            "how many minutes metric leads other_metric; below 0 (operations only): other_metric leads; at most 30 (min)",
            is_required=True,
        ),
        Column("correlation", "DOUBLE", f"{WHAT}, at that lag; below 0: one falls when the other rises", is_required=True),
        *interval("correlation", "correlation", "Fisher's z, with a standard error that does not assume normality"),
        count("samples", "minutes in which both are known"),
        Column("coverage", "DOUBLE", "samples / minutes in 24 h", is_required=True),
        Column("p_value", "DOUBLE", "two-sided p-value for no correlation at any lag (Sidak 1967)", is_required=True),
        Column("q_value", "DOUBLE", "q-value over all pairs of the run (Benjamini & Hochberg 1995); at most .05", is_required=True),
        count("tested", "pairs of this kind tested on this host"),
    ),
    verb="replace",
    key=("host", "metric", "attributes", "other_kind", "other", "other_metric", "other_attributes"),
    is_published=True,
)
