"""insights.performance_insights."""

from storage.catalogue.insights.shared import IS_SAMPLE
from storage.catalogue.model import Column, Lasting, Table

KINDS = (
    "scan_slowdown",
    "stuck_scan",
    "queue_stands_still",
    "scan_limit",
    "deployment_failures",
    "stuck_deployment",
    "knowledge_at_risk",
    "expert_left",
    "response_time_degradation",
    "error_rate_rise",
    "correlated_metrics",
    "disk_full",
    "memory_leak",
    "sustained_cpu",
    "cpu_spike",
    "anomaly",
)

PERFORMANCE_INSIGHTS = Table(
    schema="insights",
    name="performance_insights",
    description=(
        "What is wrong and what to do about it, one row per finding. A finding that the next computation finds again "
        "keeps its row; one that it does not find gets its end."
    ),
    columns=(
        Column("as_of", "TIMESTAMPTZ", "the last computation that found it", is_required=True),
        Column(
            "insight_id",
            "VARCHAR",
            "hash of kind, subject, labels and started_at",
            is_required=True,
            hash_of=("kind", "subject", "labels", "started_at"),
        ),
        Column("kind", "VARCHAR", "kind of finding", is_required=True, allowed=KINDS),
        Column(
            "subject",
            "VARCHAR",
            "what it is about: the id of a scan, deployment or user; a host, data source, service, operation or domain",
            is_required=True,
        ),
        Column("severity", "VARCHAR", "how bad", is_required=True, allowed=("warning", "critical")),
        Column("started_at", "TIMESTAMPTZ", "when it began, according to the data", is_required=True),
        Column("ended_at", "TIMESTAMPTZ", "the first computation that no longer found it; NULL while it lasts"),
        Column("first_found_at", "TIMESTAMPTZ", "the first computation that found it", is_required=True),
        Column("statement", "VARCHAR", "one sentence with the numbers", is_required=True, is_sentence=True),
        Column("recommendation", "VARCHAR", "what to do, and to what", is_required=True, is_sentence=True),
        Column("evidence", "JSON", "the numbers behind it, an object", is_required=True, is_sentence=True),
        Column(
            "confidence",
            "DOUBLE",
            "probability that the finding is true, in [0, 1]; docs/metrics.md says how it is computed",
            is_required=True,
            minimum=0,
            maximum=1,
        ),
        IS_SAMPLE,
        Column(
            "labels",
            "JSON",
            "what else identifies it, an object: `filesystem`, `part`, `scan_type` or `environment`",
        ),
    ),
    verb="upsert",
    key=("insight_id",),
    lasting=Lasting(first="first_found_at", last="as_of", ended="ended_at"),
    inputs=(
        "active_scans",
        "anomalies",
        "application_health",
        "deployment_metrics",
        "deployment_trends",
        "domain_experts",
        "expertise_scores",
        "forecasts",
        "metric_correlations",
        "scan_performance",
        "scan_queues",
        "scan_limits",
    ),
    time_column="as_of",
    is_published=True,
    retention="insights_days",
)
