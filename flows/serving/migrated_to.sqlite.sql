-- The number of the last migration.
SELECT version_num FROM alembic_version
