-- What the hosts of $hosts sampled over [$since, $until), with the minutes (since the epoch) of the first and the last reading. Processes
-- do not last and uptime only rises: neither says what is usual of a host.
SELECT
    host,
    metric,
    attributes,
    coalesce(max(unit), '') AS unit,
    min(epoch_us(observed_at)) // 60000000 AS first_minute,
    max(epoch_us(observed_at)) // 60000000 AS last_minute
FROM raw.system_metrics
WHERE
    host IN (SELECT unnest($hosts)) AND observed_at >= $since AND observed_at < $until AND isfinite(value)
    AND metric NOT LIKE 'process.%' AND metric <> 'system.uptime'
GROUP BY host, metric, attributes
ORDER BY host, metric, attributes
