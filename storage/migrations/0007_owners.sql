-- Declared owners of domains. They have no change instant: each extraction reads all of them.
CREATE TABLE raw.owners (
    domain VARCHAR NOT NULL,
    user_id VARCHAR NOT NULL,
    source VARCHAR,
    extracted_at TIMESTAMPTZ,
    is_deleted BOOLEAN NOT NULL DEFAULT false
);
