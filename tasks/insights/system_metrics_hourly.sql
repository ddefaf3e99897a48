-- Host metrics by the hour over [$window_start, $as_of). Values are added in a fixed order, so the mean is the same every time.
SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    host,
    metric,
    attributes,
    date_trunc('hour', observed_at) AS hour_at,
    max(unit) AS unit,
    min(value) AS min,
    avg(value ORDER BY value) AS mean,
    max(value) AS max,
    quantile_cont(value, 0.95) AS p95,
    count(value) AS samples,
    count(*) - count(value) AS missing
FROM raw.system_metrics
WHERE observed_at >= $window_start AND observed_at < $as_of
GROUP BY ALL
ORDER BY host, metric, attributes, hour_at
