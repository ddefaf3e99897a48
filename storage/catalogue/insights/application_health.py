"""insights.application_health."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count, interval, rate
from storage.catalogue.model import Column, Table

SAME_HOUR = "the same hour of the week and the hours next to it, in the past four weeks"


def percentile(name: str, what: str, needs: str) -> tuple[Column, Column, Column]:
    value = Column(f"{name}_seconds", "DOUBLE", f"{what} of their durations, interpolated (s); NULL with fewer than {needs}")
    return value, *interval(name, f"{name}_seconds", "order statistics, exact (s); NULL if no rank reaches it")


APPLICATION_HEALTH = Table(
    schema="insights",
    name="application_health",
    description=(
        "Requests by hour x operation: errors and response times, compared with the same hours of past weeks. An hour "
        "without requests has no row; requests still running are in none. The hour that contains `as_of` covers "
        "requests that began up to then."
    ),
    columns=(
        AS_OF,
        Column("hour_at", "TIMESTAMPTZ", "start of the hour in which the requests began", is_required=True),
        Column("operation", "VARCHAR", "API endpoint or query name", is_required=True),
        Column(
            "kind",
            "VARCHAR",
            "`api` if the operation begins with an HTTP method or is an address, else `query`",
            is_required=True,
            allowed=("api", "query"),
        ),
        Column("coverage", "DOUBLE", "share of the hour that lies before as_of", is_required=True),
        count("requests", "succeeded + failed"),
        count("failed", "requests that failed"),
        count("canceled", "canceled requests; in no denominator"),
        *rate("error_rate", "failed / requests"),
        count("timed", "succeeded requests with a known duration"),
        *percentile("p50", "median", "1"),
        *percentile("p95", "95th percentile", "30"),
        *percentile("p99", "99th percentile", "300"),
        Column("baseline_requests", "BIGINT", f"requests in {SAME_HOUR} (count)"),
        Column("baseline_error_rate", "DOUBLE", "failed / requests in the same hours; NULL without requests"),
        Column(
            "baseline_weeks",
            "BIGINT",
            "how many of these four weeks have at least 60 timed requests in these hours (count)",
            is_required=True,
        ),
        Column(
            "baseline_p95_seconds",
            "DOUBLE",
            (
                "lower median of those weeks' 95th percentiles (s); without such weeks, the same over the four whole weeks "
                "before, Monday to Monday, that have 60 timed requests each; NULL without any"
            ),
        ),
        Column("p95_ratio", "DOUBLE", "p95_seconds / baseline_p95_seconds"),
        Column("slow", "BIGINT", "timed requests that took longer than baseline_p95_seconds (count)"),
        Column("very_slow", "BIGINT", "timed requests that took longer than 1.5 times baseline_p95_seconds (count)"),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("operation", "hour_at"),
    time_column="hour_at",
    day_column="hour_at",
    is_published=True,
    retention="hourly_days",
)
