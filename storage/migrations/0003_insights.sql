-- What govpulse computes; `history` keeps one row set a day of the tables of state.
CREATE SCHEMA insights;

CREATE SCHEMA history;

CREATE TABLE insights.deployment_metrics (
    as_of TIMESTAMPTZ NOT NULL,
    window_days BIGINT NOT NULL,
    environment VARCHAR NOT NULL,
    service VARCHAR NOT NULL,
    deployments BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    rolled_back BIGINT NOT NULL,
    canceled BIGINT NOT NULL,
    in_progress BIGINT NOT NULL,
    stuck BIGINT NOT NULL,
    success_rate DOUBLE,
    success_rate_low DOUBLE,
    success_rate_high DOUBLE,
    avg_duration_seconds DOUBLE,
    median_duration_seconds DOUBLE,
    median_duration_low DOUBLE,
    median_duration_high DOUBLE,
    p90_duration_seconds DOUBLE,
    deployments_per_day DOUBLE NOT NULL,
    out_of_bounds BIGINT NOT NULL,
    no_data_reason VARCHAR,
    is_sample BOOLEAN NOT NULL
);

CREATE TABLE insights.active_scans (
    as_of TIMESTAMPTZ NOT NULL,
    scan_id VARCHAR NOT NULL,
    name VARCHAR,
    data_source VARCHAR NOT NULL,
    scan_type VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    queued_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ,
    elapsed_seconds DOUBLE,
    triggered_by VARCHAR,
    is_sample BOOLEAN NOT NULL
);

CREATE TABLE insights.system_metrics_hourly (
    as_of TIMESTAMPTZ NOT NULL,
    host VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    attributes VARCHAR NOT NULL,
    hour_at TIMESTAMPTZ NOT NULL,
    unit VARCHAR,
    min DOUBLE,
    mean DOUBLE,
    max DOUBLE,
    p95 DOUBLE,
    samples BIGINT NOT NULL,
    missing BIGINT NOT NULL
);

CREATE TABLE history.deployment_metrics (
    as_of TIMESTAMPTZ NOT NULL,
    window_days BIGINT NOT NULL,
    environment VARCHAR NOT NULL,
    service VARCHAR NOT NULL,
    deployments BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    rolled_back BIGINT NOT NULL,
    canceled BIGINT NOT NULL,
    in_progress BIGINT NOT NULL,
    stuck BIGINT NOT NULL,
    success_rate DOUBLE,
    success_rate_low DOUBLE,
    success_rate_high DOUBLE,
    avg_duration_seconds DOUBLE,
    median_duration_seconds DOUBLE,
    median_duration_low DOUBLE,
    median_duration_high DOUBLE,
    p90_duration_seconds DOUBLE,
    deployments_per_day DOUBLE NOT NULL,
    out_of_bounds BIGINT NOT NULL,
    no_data_reason VARCHAR,
    is_sample BOOLEAN NOT NULL
);
