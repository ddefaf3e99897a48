SELECT column_name
FROM duckdb_columns()
WHERE database_name = coalesce($database, current_database()) AND schema_name || '.' || table_name = $table
ORDER BY column_index
