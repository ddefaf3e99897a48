-- State, transition and delivery are three tables.
CREATE SCHEMA alerts;

CREATE TABLE alerts.alerts (
    fingerprint VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    labels JSON,
    state VARCHAR NOT NULL,
    severity VARCHAR,
    value DOUBLE,
    threshold DOUBLE,
    episode BIGINT NOT NULL,
    pending_since TIMESTAMPTZ,
    firing_since TIMESTAMPTZ,
    clear_since TIMESTAMPTZ,
    last_seen_at TIMESTAMPTZ,
    resolved_at TIMESTAMPTZ,
    is_sample BOOLEAN,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE alerts.transitions (
    transition_id VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    episode BIGINT NOT NULL,
    from_state VARCHAR NOT NULL,
    to_state VARCHAR NOT NULL,
    severity VARCHAR,
    value DOUBLE,
    reason VARCHAR,
    transitioned_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE alerts.notifications (
    notification_id VARCHAR NOT NULL,
    transition_id VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    episode BIGINT NOT NULL,
    event VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    reason VARCHAR,
    attempts BIGINT NOT NULL,
    next_attempt_at TIMESTAMPTZ,
    sent_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ NOT NULL
);
