-- How unusual each minute of each host is, the episodes of it, and the models that judge.
CREATE TABLE insights.anomaly_scores (
    as_of TIMESTAMPTZ NOT NULL,
    host VARCHAR NOT NULL,
    observed_at TIMESTAMPTZ NOT NULL,
    score DOUBLE,
    threshold DOUBLE,
    is_anomalous BOOLEAN NOT NULL,
    top_metrics JSON,
    metrics BIGINT NOT NULL,
    coverage DOUBLE,
    strands VARCHAR,
    trained_until TIMESTAMPTZ,
    history_minutes BIGINT NOT NULL,
    no_score_reason VARCHAR
);

CREATE TABLE insights.anomalies (
    as_of TIMESTAMPTZ NOT NULL,
    host VARCHAR NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ NOT NULL,
    is_ongoing BOOLEAN NOT NULL,
    minutes BIGINT NOT NULL,
    coverage DOUBLE NOT NULL,
    peak DOUBLE NOT NULL,
    peak_at TIMESTAMPTZ NOT NULL,
    threshold DOUBLE NOT NULL,
    severity VARCHAR NOT NULL,
    top_metrics JSON NOT NULL,
    strands VARCHAR NOT NULL
);

CREATE TABLE ops.anomaly_models (
    host VARCHAR NOT NULL,
    trained_until TIMESTAMPTZ NOT NULL,
    trained_from TIMESTAMPTZ NOT NULL,
    history_minutes BIGINT NOT NULL,
    step_minutes BIGINT NOT NULL,
    metrics JSON NOT NULL,
    strands VARCHAR NOT NULL,
    features BIGINT NOT NULL,
    seed BIGINT NOT NULL,
    versions JSON NOT NULL,
    file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    trained_at TIMESTAMPTZ NOT NULL
);
