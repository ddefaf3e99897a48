-- What leaks, with the process on its host that leaks fastest and the largest one.
WITH processes AS (
    SELECT
        host,
        arg_max(attributes, (slope_per_day, attributes)) FILTER (WHERE is_growing) AS leaking,
        arg_max(attributes, (value, attributes)) AS largest
    FROM insights.forecasts
    WHERE metric = 'process.memory.usage'
    GROUP BY host
)

SELECT forecasts.*, processes.leaking, processes.largest
FROM insights.forecasts AS forecasts
LEFT JOIN processes ON processes.host = forecasts.host
WHERE forecasts.is_growing
    AND forecasts.metric IN ('system.memory.utilization', 'container.memory.usage', 'container.memory.working_set', 'process.memory.usage')
ORDER BY forecasts.host, forecasts.metric, forecasts.attributes
