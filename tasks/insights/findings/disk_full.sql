-- The filesystems that grow and will be full within the horizon.
SELECT *
FROM insights.forecasts
WHERE metric = 'system.filesystem.utilization' AND crosses_at IS NOT NULL
ORDER BY host, attributes
