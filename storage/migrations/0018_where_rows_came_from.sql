-- Rows of which nobody said where they came from were loaded from files; when a refused row was seen at its source.
UPDATE raw.scans SET source = 'load' WHERE source IS NULL;

UPDATE raw.deployments SET source = 'load' WHERE source IS NULL;

UPDATE raw.activity SET source = 'load' WHERE source IS NULL;

UPDATE raw.users SET source = 'load' WHERE source IS NULL;

UPDATE raw.owners SET source = 'load' WHERE source IS NULL;

UPDATE ops.rejected_rows SET source = 'load'
WHERE source IS NULL AND dataset IN ('scans', 'deployments', 'activity', 'users', 'owners');

ALTER TABLE ops.rejected_rows ADD COLUMN seen_at TIMESTAMPTZ;

UPDATE ops.rejected_rows SET seen_at = TRY_CAST(
    CASE WHEN regexp_matches(row ->> 'extracted_at', '^[0-9-]+[T ][0-9:.]+(Z|[+-][0-9:]+)?$') THEN row ->> 'extracted_at' END
    AS TIMESTAMPTZ
);

ALTER TABLE insights.active_scans ADD COLUMN source VARCHAR DEFAULT 'load';

ALTER TABLE insights.active_scans ADD COLUMN subject VARCHAR DEFAULT '';

UPDATE insights.active_scans SET subject = scan_id;
