-- What the series of the relation `drawn` were in each bin in [$since, $as_of). A bin without a value has no row.
SELECT
    host,
    metric,
    attributes,
    (epoch_us(observed_at) - epoch_us(CAST($since AS TIMESTAMPTZ))) // (60000000 * bin_minutes) AS bin,
    max(unit) AS unit,
    min(value) AS low,
    avg(value ORDER BY observed_at) AS mean,
    max(value) AS high
FROM raw.system_metrics
INNER JOIN drawn USING (host, metric, attributes)
WHERE isfinite(value) AND observed_at >= $since AND observed_at < $as_of
GROUP BY ALL
ORDER BY host, metric, attributes, bin
