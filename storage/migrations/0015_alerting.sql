-- Episodes that end however often a value flaps, an outbox with digests, silences, and the rules in force.
ALTER TABLE alerts.alerts ADD COLUMN changed_at TIMESTAMPTZ;

ALTER TABLE alerts.alerts ADD COLUMN recent_firings TIMESTAMPTZ[];

ALTER TABLE alerts.alerts ADD COLUMN recent_notices TIMESTAMPTZ[];

ALTER TABLE alerts.alerts ADD COLUMN is_flapping BOOLEAN;

ALTER TABLE alerts.alerts ADD COLUMN told VARCHAR[];

ALTER TABLE alerts.alerts ADD COLUMN worst_severity VARCHAR;

ALTER TABLE alerts.transitions ADD COLUMN event VARCHAR;

ALTER TABLE alerts.notifications ADD COLUMN severity VARCHAR;

ALTER TABLE alerts.notifications ADD COLUMN message JSON;

ALTER TABLE alerts.notifications ADD COLUMN digest VARCHAR;

ALTER TABLE alerts.notifications ADD COLUMN queued_at TIMESTAMPTZ;

ALTER TABLE alerts.notifications ADD COLUMN is_maybe_received BOOLEAN;

CREATE TABLE alerts.silences (
    silence_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    matchers JSON NOT NULL,
    fingerprint VARCHAR,
    episode BIGINT,
    author VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    starts_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    ended_by VARCHAR,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE alerts.rules (
    name VARCHAR NOT NULL,
    definition JSON NOT NULL,
    source VARCHAR NOT NULL,
    in_force_since TIMESTAMPTZ NOT NULL
);
