-- How far a first extraction has come, what comparing with the source found, and rows that the source no longer has. Rows that
-- nobody said when they were seen count as seen when they changed.
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

UPDATE raw.scans SET extracted_at = updated_at WHERE extracted_at IS NULL;

UPDATE raw.deployments SET extracted_at = updated_at WHERE extracted_at IS NULL;

UPDATE raw.activity SET extracted_at = updated_at WHERE extracted_at IS NULL;

UPDATE raw.users SET extracted_at = updated_at WHERE extracted_at IS NULL;
