"""insights.forecasts."""

from storage.catalogue.insights.shared import AS_OF, count, interval
from storage.catalogue.model import Column, Table

REASONS = (
    "too_little_history",
    "gaps",
    "no_recent_data",
    "no_growth",
    "no_limit",
    "beyond_horizon",
    "page_cache",
    "emptied_by_habit",
)

FORECASTS = Table(
    schema="insights",
    name="forecasts",
    description=(
        "When each filesystem, and the memory of each host, container and running process, reaches its limit, or why "
        "that cannot be said. Computed from whole hours of system_metrics_hourly."
    ),
    columns=(
        AS_OF,
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column(
            "metric",
            "VARCHAR",
            "`system.filesystem.utilization`, `system.memory.utilization`, `container.memory.working_set` (where that is not "
            "known, `container.memory.usage`) or `process.memory.usage`",
            is_required=True,
        ),
        Column("attributes", "VARCHAR", "sorted `k=v,k=v`", is_required=True),
        Column("unit", "VARCHAR", "UCUM unit of the values"),
        count("hours", "whole hours with a value in the last 21 days"),
        Column("value", "DOUBLE", "mean of the latest hour"),
        Column(
            "level",
            "DOUBLE",
            "where the forecast starts: usual peaks now (filesystems), the highest value of the last day (memory)",
        ),
        Column("window_hours", "BIGINT", "how far back growth is measured (h): 504 for filesystems, 24 or 168 for memory"),
        Column(
            "slope_per_day",
            "DOUBLE",
            "growth per day: median of slopes (Theil 1950), between daily medians a whole number of weeks apart "
            "(filesystems), or between the lowest values of hours or days (memory)",
        ),
        *interval("slope_per_day", "slope_per_day", "Sen 1968, widened for correlation; Hirsch, Slack & Smith 1982"),
        Column("growth_p_value", "DOUBLE", "two-sided p-value for no growth, from the width of that interval; at least .0001"),
        Column("is_growing", "BOOLEAN", "growth is significant and, for memory, looks like a leak", is_required=True),
        Column("grows_since", "TIMESTAMPTZ", "start of the hours examined, or of the series; NULL if it does not grow"),
        Column("horizon_days", "DOUBLE", "how far ahead the forecast looks (days)", is_required=True),
        Column("point", "DOUBLE", "level + slope_per_day x horizon_days, as if there were no limit"),
        *interval("point", "point", "from the slope's interval and, for filesystems, the scatter of the peaks"),
        Column(
            "limit_value",
            "DOUBLE",
            "1; for a container, its limit; for a process, the memory it uses plus what its host has available",
        ),
        Column("crosses_at", "TIMESTAMPTZ", "when the limit is reached; NULL with a reason"),
        Column("crosses_low_at", "TIMESTAMPTZ", "earliest end of the 95 % interval of crosses_at"),
        Column("crosses_high_at", "TIMESTAMPTZ", "latest end of it; NULL beyond ten years"),
        Column("no_forecast_reason", "VARCHAR", "why crosses_at is NULL", allowed=REASONS, is_sentence=True),
    ),
    verb="replace",
    key=("host", "metric", "attributes"),
    inputs=("system_metrics_hourly",),
    is_published=True,
)
