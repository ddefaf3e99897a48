-- The whole hours that the forecasts of the relation `drawn` were fitted to.
SELECT
    host,
    metric,
    attributes,
    hour_at,
    min AS low,
    mean,
    max AS high
FROM insights.system_metrics_hourly
INNER JOIN drawn USING (host, metric, attributes)
WHERE hour_at >= since AND hour_at < until AND isfinite(mean)
ORDER BY host, metric, attributes, hour_at
