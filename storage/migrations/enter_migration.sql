INSERT INTO ops.schema_migrations VALUES ($number, $name, $now)
