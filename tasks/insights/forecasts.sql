-- The filesystems and the memory of each host, container and process, with what is known of the whole hours up to $as_of, and what
-- limits them now. Of processes only those that were seen in the newest hour of their host. `age` counts hours back from 0.
-- Filesystems are measured in bytes, over the size that they have now, where bytes are known: a resize is no growth. The memory that a
-- container holds includes what the kernel can take back, so it is foretold only where its working set is not known.
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
            'system.filesystem.utilization', 'system.memory.utilization', 'container.memory.usage', 'container.memory.working_set',
            'process.memory.usage', 'system.memory.available', 'container.memory.limit', 'system.filesystem.usage'
        )
),

-- Used bytes, and the bytes that they can become, by the attributes of the filesystem's utilization.
used AS (
    SELECT host, replace(attributes, ',state=used', '') AS attributes, hour_at, min, mean, max
    FROM known
    WHERE metric = 'system.filesystem.usage' AND ends_with(attributes, ',state=used')
),

sizes AS (
    SELECT used.host, used.attributes, arg_max(used.mean + free.mean, used.hour_at) AS size
    FROM used
    INNER JOIN known AS free
        ON
            used.host = free.host
            AND used.hour_at = free.hour_at
            AND free.metric = 'system.filesystem.usage'
            AND used.attributes || ',state=free' = free.attributes
    GROUP BY used.host, used.attributes
),

measured AS (
    SELECT
        known.* REPLACE (
            coalesce(used.min / sizes.size, known.min) AS min,
            coalesce(used.mean / sizes.size, known.mean) AS mean,
            coalesce(used.max / sizes.size, known.max) AS max
        )
    FROM known
    LEFT JOIN sizes ON known.metric = 'system.filesystem.utilization' AND known.host = sizes.host AND known.attributes = sizes.attributes
    LEFT JOIN used ON sizes.host = used.host AND sizes.attributes = used.attributes AND known.hour_at = used.hour_at
    WHERE known.metric NOT IN ('system.memory.available', 'container.memory.limit', 'system.filesystem.usage')
),

-- What a process can still grow by is what its host has available.
limits AS (
    SELECT
        host,
        arg_max(mean, hour_at) FILTER (WHERE metric = 'system.memory.available') AS available,
        arg_max(mean, hour_at) FILTER (WHERE metric = 'container.memory.limit') AS container,
        bool_or(metric = 'container.memory.working_set') AS has_working_set,
        list(struct_pack(age := age, low := min, mean := mean, high := max) ORDER BY age)
            FILTER (WHERE metric = 'system.memory.available' AND age BETWEEN 0 AND 503) AS available_hours
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
    FROM measured
    GROUP BY host, metric, attributes
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    series.host,
    series.metric,
    series.attributes,
    series.unit,
    first_hour_at,
    last_hour_at,
    value,
    CASE series.metric
        WHEN 'process.memory.usage' THEN value + available
        WHEN 'container.memory.usage' THEN container
        WHEN 'container.memory.working_set' THEN container
        ELSE 1
    END AS limit_value,
    hours,
    CASE WHEN series.metric = 'container.memory.usage' THEN available_hours END AS available_hours,
    sizes.size
FROM series
LEFT JOIN limits ON series.host = limits.host
LEFT JOIN sizes ON series.metric = 'system.filesystem.utilization' AND series.host = sizes.host AND series.attributes = sizes.attributes
WHERE
    (series.metric <> 'process.memory.usage' OR series.last_hour_at = series.host_seen_at)
    AND (series.metric <> 'container.memory.usage' OR NOT limits.has_working_set)
ORDER BY series.host, series.metric, series.attributes
