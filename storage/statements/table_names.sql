SELECT schema_name || '.' || table_name AS name
FROM duckdb_tables()
WHERE database_name = coalesce($database, current_database())
ORDER BY name
