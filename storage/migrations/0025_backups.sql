-- Backups that were proven, and how far what is stored has been verified.
CREATE TABLE ops.backups (
    number BIGINT NOT NULL,
    destination VARCHAR NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    proven_at TIMESTAMPTZ NOT NULL,
    rows BIGINT,
    bytes BIGINT,
    written_bytes BIGINT,
    longest_hold_seconds DOUBLE
);
CREATE TABLE ops.verified (
    what VARCHAR NOT NULL,
    until BIGINT NOT NULL,
    verified_at TIMESTAMPTZ NOT NULL
);
