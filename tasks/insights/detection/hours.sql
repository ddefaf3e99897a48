-- What is kept by the hour of the series of the relation `series`, over [$since, $until), each with its cell: an hour of a series.
-- `first_cell` is where the series' hour 0 would be; of it the hours of [series.since, series.until) are asked for.
SELECT
    first_cell + epoch_us(hour_at) // 3600000000 AS cell,
    min,
    mean,
    max
FROM insights.system_metrics_hourly
INNER JOIN series USING (host, metric, attributes)
WHERE
    isfinite(mean) AND hour_at >= $since AND hour_at < $until
    AND epoch_us(hour_at) // 3600000000 >= series.since AND epoch_us(hour_at) // 3600000000 < series.until
