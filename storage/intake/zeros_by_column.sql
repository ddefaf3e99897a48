SELECT column_name, CAST(sum(cells) AS BIGINT) FROM zeros GROUP BY column_name ORDER BY column_name
