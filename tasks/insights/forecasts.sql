-- The filesystems and the memory of each host, container and process, with what is known of the whole hours up to $as_of, and what
-- limits them now. Of processes only those that were seen in the newest hour of their host. `age` counts hours back from 0.
WITH known AS (
    SELECT
        host,
        metric,
        attributes,
        unit,
        hour_at,
        min,
        mean,
        max,
        date_diff('hour', hour_at, date_trunc('hour', CAST($as_of AS TIMESTAMPTZ))) - 1 AS age,
        max(hour_at) OVER (PARTITION BY host) AS host_seen_at
    FROM insights.system_metrics_hourly
    WHERE hour_at >= CAST($as_of AS TIMESTAMPTZ) - INTERVAL 22 DAY AND hour_at < CAST($as_of AS TIMESTAMPTZ)
        AND isfinite(min) AND isfinite(mean) AND isfinite(max)
        AND metric IN (
            'system.filesystem.utilization', 'system.memory.utilization', 'container.memory.usage', 'process.memory.usage',
            'system.memory.available', 'container.memory.limit'
        )
),

-- What a process can still grow by is what its host has available.
limits AS (
    SELECT
        host,
        arg_max(mean, hour_at) FILTER (WHERE metric = 'system.memory.available') AS available,
        arg_max(mean, hour_at) FILTER (WHERE metric = 'container.memory.limit') AS container
    FROM known
    GROUP BY host
),

series AS (
    SELECT
        host,
        metric,
        attributes,
        max(unit) AS unit,
        min(hour_at) AS first_hour_at,
        max(hour_at) AS last_hour_at,
        max(host_seen_at) AS host_seen_at,
        arg_max(mean, hour_at) AS value,
        list(struct_pack(age := age, low := min, mean := mean, high := max) ORDER BY age) FILTER (WHERE age BETWEEN 0 AND 503) AS hours
    FROM known
    WHERE metric NOT IN ('system.memory.available', 'container.memory.limit')
    GROUP BY host, metric, attributes
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    host,
    metric,
    attributes,
    unit,
    first_hour_at,
    last_hour_at,
    value,
    CASE metric
        WHEN 'process.memory.usage' THEN value + available
        WHEN 'container.memory.usage' THEN container
        ELSE 1
    END AS limit_value,
    hours
FROM series
LEFT JOIN limits USING (host)
WHERE metric <> 'process.memory.usage' OR last_hour_at = host_seen_at
ORDER BY host, metric, attributes
