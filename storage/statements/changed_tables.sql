SELECT DISTINCT table_name FROM ops.changes WHERE generation > $since
