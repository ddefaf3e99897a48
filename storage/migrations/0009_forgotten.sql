CREATE TABLE ops.forgotten (
    forgotten_id VARCHAR NOT NULL,
    salt VARCHAR NOT NULL,
    forgotten_at TIMESTAMPTZ NOT NULL
);
