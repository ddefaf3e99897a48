-- When the last backup was proven, and since when there is the warehouse.
SELECT
    (SELECT max(proven_at) FROM ops.backups),
    (SELECT min(applied_at) FROM ops.schema_migrations)
