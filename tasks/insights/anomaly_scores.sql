-- The samples of the series of the relation `series`, before $as_of, each with the cell of the grid that it belongs to: a minute of a
-- series. `first_cell` is where the series' minute 0 would be; of it the minutes of [series.since, series.until) are asked for.
SELECT
    first_cell + epoch_us(observed_at) // 60000000 AS cell,
    value
FROM raw.system_metrics
INNER JOIN series USING (host, metric, attributes)
WHERE
    isfinite(value) AND observed_at >= $since AND observed_at < $as_of
    AND epoch_us(observed_at) // 60000000 >= series.since AND epoch_us(observed_at) // 60000000 < series.until
