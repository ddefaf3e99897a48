CREATE TABLE ops.zero_instants (
    file VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    source VARCHAR,
    column_name VARCHAR NOT NULL,
    cells BIGINT NOT NULL,
    loaded_at TIMESTAMPTZ NOT NULL
);
ALTER TABLE ops.loads ADD COLUMN skipped BIGINT;
