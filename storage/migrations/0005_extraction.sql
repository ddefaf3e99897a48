-- How far a first extraction has come, what comparing with the source found, and rows that the source no longer has.
ALTER TABLE ops.watermarks ADD COLUMN read_until TIMESTAMPTZ;

CREATE TABLE ops.reconciliations (
    dataset VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    source_rows BIGINT NOT NULL,
    raw_rows BIGINT NOT NULL,
    missing BIGINT NOT NULL,
    stale BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    repaired BIGINT NOT NULL,
    reconciled_at TIMESTAMPTZ NOT NULL
);

ALTER TABLE raw.scans ADD COLUMN is_deleted BOOLEAN DEFAULT false;

ALTER TABLE raw.scans ALTER COLUMN is_deleted SET NOT NULL;

ALTER TABLE raw.deployments ADD COLUMN is_deleted BOOLEAN DEFAULT false;

ALTER TABLE raw.deployments ALTER COLUMN is_deleted SET NOT NULL;

ALTER TABLE raw.activity ADD COLUMN is_deleted BOOLEAN DEFAULT false;

ALTER TABLE raw.activity ALTER COLUMN is_deleted SET NOT NULL;

ALTER TABLE raw.users ADD COLUMN is_deleted BOOLEAN DEFAULT false;

ALTER TABLE raw.users ALTER COLUMN is_deleted SET NOT NULL;
