ALTER TABLE ops.forgotten ADD COLUMN parts BIGINT;
ALTER TABLE ops.forgotten ADD COLUMN letters BIGINT;
ALTER TABLE ops.forgotten ADD COLUMN is_hashed BOOLEAN;
