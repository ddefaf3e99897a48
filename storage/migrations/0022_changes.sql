-- What changed since when, for backups and verification. What was there before counts as changed: there is no note of it.
CREATE TABLE ops.changes (
    table_name VARCHAR NOT NULL,
    part VARCHAR NOT NULL,
    generation BIGINT NOT NULL
);
