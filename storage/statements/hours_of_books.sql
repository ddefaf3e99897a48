-- In how many hours up to $now, and in how many after it, something was written into the books.
SELECT
    count(DISTINCT time_bucket(INTERVAL 1 HOUR, noted_at)) FILTER (time_bucket(INTERVAL 1 HOUR, noted_at) <= $now),
    count(DISTINCT time_bucket(INTERVAL 1 HOUR, noted_at)) FILTER (time_bucket(INTERVAL 1 HOUR, noted_at) > $now)
FROM (SELECT started_at AS noted_at FROM ops.runs UNION ALL SELECT loaded_at FROM ops.loads) AS books
