-- Metrics of a host that move together, and with what operations do.
CREATE TABLE insights.metric_correlations (
    as_of TIMESTAMPTZ NOT NULL,
    host VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    attributes VARCHAR NOT NULL,
    other_kind VARCHAR NOT NULL,
    other VARCHAR NOT NULL,
    other_metric VARCHAR NOT NULL,
    other_attributes VARCHAR NOT NULL,
    lag_minutes BIGINT NOT NULL,
    correlation DOUBLE NOT NULL,
    correlation_low DOUBLE,
    correlation_high DOUBLE,
    samples BIGINT NOT NULL,
    coverage DOUBLE NOT NULL,
    p_value DOUBLE NOT NULL,
    q_value DOUBLE NOT NULL,
    tested BIGINT NOT NULL
);
