-- govpulse's own books. `ops.schema_migrations` comes first: every later migration is recorded in it.
CREATE SCHEMA ops;

CREATE TABLE ops.schema_migrations (
    version BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE ops.runs (
    run_id VARCHAR NOT NULL,
    flow VARCHAR NOT NULL,
    as_of TIMESTAMPTZ,
    status VARCHAR NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    result JSON,
    error VARCHAR,
    prefect_flow_run_id VARCHAR,
    version VARCHAR,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE ops.loads (
    file VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    status VARCHAR,
    rows BIGINT,
    rejected BIGINT,
    first_at TIMESTAMPTZ,
    last_at TIMESTAMPTZ,
    source VARCHAR,
    reason VARCHAR,
    loaded_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE ops.watermarks (
    dataset VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    watermark TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE ops.rejected_rows (
    rejected_id VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    key VARCHAR,
    reason VARCHAR NOT NULL,
    row JSON,
    source VARCHAR,
    rejected_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE ops.computations (
    insight VARCHAR NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    window_start TIMESTAMPTZ,
    rows BIGINT NOT NULL,
    duration_seconds DOUBLE,
    computed_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE ops.checks (
    name VARCHAR NOT NULL,
    is_ok BOOLEAN NOT NULL,
    detail VARCHAR,
    checked_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE ops.audit_log (
    action VARCHAR NOT NULL,
    detail VARCHAR,
    actor VARCHAR,
    done_at TIMESTAMPTZ NOT NULL
);
