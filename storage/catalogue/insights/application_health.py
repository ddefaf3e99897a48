"""insights.application_health."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count, interval, rate
from storage.catalogue.model import Column, Table

SAME_HOUR = "the same hour of the week and those beside it, in the past four weeks"


def percentile(name: str, what: str, needs: str) -> tuple[Column, Column, Column]:
    value = Column(f"{name}_seconds", "DOUBLE", f"{what} of them, interpolated (s); NULL under {needs}")
    return value, *interval(name, f"{name}_seconds", "order statistics, exact (s); NULL where no rank reaches it")


APPLICATION_HEALTH = Table(
    schema="insights",
    name="application_health",
    description=(
        "Requests by hour x operation: errors and response times, beside the same hours of past weeks. An hour without requests "
        "has no row; what is still running is in none. The hour that `as_of` falls into holds what began up to then."
    ),
    columns=(
        AS_OF,
        Column("hour_at", "TIMESTAMPTZ", "start of the hour in which the requests began", is_required=True),
        Column("operation", "VARCHAR", "API endpoint or query name", is_required=True),
        Column(
            "kind",
            "VARCHAR",
            "`api` where the operation begins with an HTTP method or is an address, else `query`",
            is_required=True,
            allowed=("api", "query"),
        ),
        Column("coverage", "DOUBLE", "share of the hour before as_of", is_required=True),
        count("requests", "succeeded + failed"),
        count("failed", "requests that failed"),
        count("canceled", "requests that were canceled; in no denominator"),
        *rate("error_rate", "failed / requests"),
        count("timed", "succeeded requests whose duration is known"),
        *percentile("p50", "median", "1"),
        *percentile("p95", "95th percentile", "30"),
        *percentile("p99", "99th percentile", "300"),
        Column("baseline_requests", "BIGINT", f"requests in {SAME_HOUR} (count)"),
        Column("baseline_error_rate", "DOUBLE", "failed / requests in the same hours; NULL without any"),
        Column(
            "baseline_weeks", "BIGINT", "weeks of these four that have 60 timed requests in these hours (count)", is_required=True
        ),
        Column(
            "baseline_p95_seconds",
            "DOUBLE",
            (
                "lower median over those weeks of the 95th percentile (s); without such weeks that over the four whole weeks "
                "before, Monday to Monday, with 60 timed requests each; NULL without any"
            ),
        ),
        Column("p95_ratio", "DOUBLE", "p95_seconds / baseline_p95_seconds"),
        Column("slow", "BIGINT", "timed requests that took longer than baseline_p95_seconds (count)"),
        Column("very_slow", "BIGINT", "timed requests that took longer than 1.5 times that (count)"),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("operation", "hour_at"),
    time_column="hour_at",
    day_column="hour_at",
    is_published=True,
    retention="hourly_days",
)
