"""insights.system_metrics_hourly."""

from storage.catalogue.insights.shared import AS_OF
from storage.catalogue.model import Column, Table

SYSTEM_METRICS_HOURLY = Table(
    schema="insights",
    name="system_metrics_hourly",
    description="Host metrics by hour. The hour that contains `as_of` covers samples up to then.",
    columns=(
        AS_OF,
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column("metric", "VARCHAR", "OpenTelemetry name", is_required=True),
        Column("attributes", "VARCHAR", "sorted `k=v,k=v`", is_required=True),
        Column("hour_at", "TIMESTAMPTZ", "start of the hour", is_required=True),
        Column("unit", "VARCHAR", "UCUM unit"),
        Column("min", "DOUBLE", "lowest value"),
        Column("mean", "DOUBLE", "arithmetic mean"),
        Column("max", "DOUBLE", "highest value"),
        Column("p95", "DOUBLE", "95th percentile, interpolated"),
        Column("samples", "BIGINT", "samples with a value (count)", is_required=True),
        Column("missing", "BIGINT", "samples that could not be read (count)", is_required=True),
    ),
    verb="replace",
    key=("host", "metric", "attributes", "hour_at"),
    time_column="hour_at",
    day_column="hour_at",
    is_published=True,
    retention="hourly_days",
)
