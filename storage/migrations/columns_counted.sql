SELECT schema_name || '.' || table_name, column_count
FROM duckdb_tables()
WHERE database_name = current_database() AND list_contains($schemas, schema_name)
