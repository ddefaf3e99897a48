SELECT part FROM ops.changes WHERE table_name = $name AND generation > $since
