"""insights.forecasts."""

from storage.catalogue.insights.shared import AS_OF, count, interval
from storage.catalogue.model import Column, Table

REASONS = ("too_little_history", "gaps", "no_recent_data", "no_growth", "no_limit", "beyond_horizon")

FORECASTS = Table(
    schema="insights",
    name="forecasts",
    description=(
        "When each filesystem, and the memory of each host, container and running process, reaches its limit, or why nobody can "
        "say. From whole hours of system_metrics_hourly."
    ),
    columns=(
        AS_OF,
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column(
            "metric",
            "VARCHAR",
            "`system.filesystem.utilization`, `system.memory.utilization`, `container.memory.usage` or `process.memory.usage`",
            is_required=True,
        ),
        Column("attributes", "VARCHAR", "sorted `k=v,k=v`", is_required=True),
        Column("unit", "VARCHAR", "UCUM unit of the values"),
        count("hours", "whole hours of the last 21 days that have a value"),
        Column("value", "DOUBLE", "mean of the newest hour"),
        Column("level", "DOUBLE", "what it goes up from: usual peaks now (filesystems), the highest of the last day (memory)"),
        Column("window_hours", "BIGINT", "how far back the growth is looked for (h): 504 filesystems, 24 or 168 memory"),
        Column(
            "slope_per_day",
            "DOUBLE",
            "growth a day: median of slopes (Theil 1950), of daily medians a whole number of weeks apart (filesystems), of the "
            "least values of hours or of days (memory)",
        ),
        *interval("slope_per_day", "slope_per_day", "Sen 1968, widened for correlation; Hirsch, Slack & Smith 1982"),
        Column("growth_p_value", "DOUBLE", "two-sided, of no growth, from the width of that interval; at least .0001"),
        Column("is_growing", "BOOLEAN", "it grows beyond doubt, and, for memory, leaks", is_required=True),
        Column("grows_since", "TIMESTAMPTZ", "start of what was looked at, or of the series; NULL where it does not grow"),
        Column("horizon_days", "DOUBLE", "how far ahead is looked (days)", is_required=True),
        Column("point", "DOUBLE", "level + slope_per_day x horizon_days, as if there were no limit"),
        *interval("point", "point", "from the slope's and, for filesystems, the scatter of the peaks"),
        Column("limit_value", "DOUBLE", "1; of a container its limit; of a process what it has and its host has available"),
        Column("crosses_at", "TIMESTAMPTZ", "when the limit is reached; NULL with a reason"),
        Column("crosses_low_at", "TIMESTAMPTZ", "the soonest of the 95 % interval of it"),
        Column("crosses_high_at", "TIMESTAMPTZ", "the latest of it; NULL beyond ten years"),
        Column("no_forecast_reason", "VARCHAR", "why crosses_at is NULL", allowed=REASONS, is_sentence=True),
    ),
    verb="replace",
    key=("host", "metric", "attributes"),
    inputs=("system_metrics_hourly",),
    is_published=True,
)
