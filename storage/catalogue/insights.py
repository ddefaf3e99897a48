"""Schema `insights`: what govpulse computes, each table a function of its inputs and `as_of`."""

from storage.catalogue.model import Column, Table

AS_OF = Column("as_of", "TIMESTAMPTZ", "the instant that the row was computed for", is_required=True)
IS_SAMPLE = Column("is_sample", "BOOLEAN", "computed from the made-up sample database, not from a platform", is_required=True)

DEPLOYMENT_METRICS = Table(
    schema="insights",
    name="deployment_metrics",
    description=(
        "Deployments per environment x service over the window up to `as_of`, with `all` rows computed over their union. "
        "A deployment is the attempts of one (service, environment, version) less than a gap apart; it has the outcome of "
        "its last attempt, and counts in the window by its finish."
    ),
    columns=(
        AS_OF,
        Column("window_days", "BIGINT", "length of the window (days), half-open up to as_of", is_required=True),
        Column("environment", "VARCHAR", "environment, or `all`", is_required=True),
        Column("service", "VARCHAR", "service, or `all`", is_required=True),
        Column("deployments", "BIGINT", "succeeded + failed + rolled_back (count)", is_required=True),
        Column("attempts", "BIGINT", "attempts that ended in the window (count)", is_required=True),
        Column("succeeded", "BIGINT", "deployments whose last attempt succeeded (count)", is_required=True),
        Column("failed", "BIGINT", "deployments whose last attempt failed (count)", is_required=True),
        Column("rolled_back", "BIGINT", "deployments whose last attempt was rolled back (count)", is_required=True),
        Column("canceled", "BIGINT", "deployments whose last attempt was canceled (count); in no denominator", is_required=True),
        Column("in_progress", "BIGINT", "deployments not finished at as_of, stuck ones apart (count)", is_required=True),
        Column("stuck", "BIGINT", "deployments not finished for longer than the duration bound (count)", is_required=True),
        Column("success_rate", "DOUBLE", "succeeded / deployments; NULL without deployments"),
        Column("success_rate_low", "DOUBLE", "lower end of its 95 % interval (Wilson 1927)"),
        Column("success_rate_high", "DOUBLE", "upper end of its 95 % interval (Wilson 1927)"),
        Column("avg_duration_seconds", "DOUBLE", "mean duration of the last attempts (s)"),
        Column("median_duration_seconds", "DOUBLE", "median duration of the last attempts (s)"),
        Column("median_duration_low", "DOUBLE", "lower end of its 95 % interval by order statistics (s); NULL under 6"),
        Column("median_duration_high", "DOUBLE", "upper end of its 95 % interval by order statistics (s); NULL under 6"),
        Column("p90_duration_seconds", "DOUBLE", "90th percentile (s); NULL under 30 durations"),
        Column("deployments_per_day", "DOUBLE", "deployments / window_days", is_required=True),
        Column("out_of_bounds", "BIGINT", "durations left out as negative or beyond the bound (count)", is_required=True),
        Column("no_data_reason", "VARCHAR", "why there is no rate: `no_deployments` or `no_terminal_deployments`"),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("environment", "service"),
    is_published=True,
    has_history=True,
)

ACTIVE_SCANS = Table(
    schema="insights",
    name="active_scans",
    description="Every scan that was queued or running at `as_of`, and for how long.",
    columns=(
        AS_OF,
        Column("scan_id", "VARCHAR", "the platform's own id", is_required=True),
        Column("name", "VARCHAR", "what the platform calls it"),
        Column("data_source", "VARCHAR", "the scanned data source", is_required=True),
        Column("scan_type", "VARCHAR", "kind of scan", is_required=True),
        Column("status", "VARCHAR", "`queued` or `running` at as_of", is_required=True),
        Column("queued_at", "TIMESTAMPTZ", "when it was asked for"),
        Column("started_at", "TIMESTAMPTZ", "when it began to run"),
        Column("elapsed_seconds", "DOUBLE", "as_of - started_at, or - queued_at while queued (s); NULL where neither is known"),
        Column("triggered_by", "VARCHAR", "user id, `system`, or a job's name"),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("scan_id",),
    is_published=True,
)

SYSTEM_METRICS_HOURLY = Table(
    schema="insights",
    name="system_metrics_hourly",
    description="Host metrics by the hour. The hour that `as_of` falls into holds what was sampled up to then.",
    columns=(
        AS_OF,
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column("metric", "VARCHAR", "OpenTelemetry name", is_required=True),
        Column("attributes", "VARCHAR", "sorted `k=v,k=v`", is_required=True),
        Column("hour_at", "TIMESTAMPTZ", "start of the hour", is_required=True),
        Column("unit", "VARCHAR", "UCUM unit"),
        Column("min", "DOUBLE", "least value"),
        Column("mean", "DOUBLE", "arithmetic mean"),
        Column("max", "DOUBLE", "greatest value"),
        Column("p95", "DOUBLE", "95th percentile, interpolated"),
        Column("samples", "BIGINT", "samples with a value (count)", is_required=True),
        Column("missing", "BIGINT", "samples that could not be read (count)", is_required=True),
    ),
    verb="replace",
    key=("host", "metric", "attributes", "hour_at"),
    time_column="hour_at",
    is_published=True,
    retention="hourly_days",
)

TABLES = (DEPLOYMENT_METRICS, ACTIVE_SCANS, SYSTEM_METRICS_HOURLY)
