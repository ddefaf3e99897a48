-- The mean and the highest level of each day of the filesystems in `near`, over 400 days: of the size that they have now where bytes
-- are known. Day 0 ends at $as_of.
WITH known AS (
    SELECT
        hours.host,
        near.attributes,
        hours.metric,
        hours.mean,
        hours.max,
        day_before(CAST($as_of AS TIMESTAMPTZ), hours.hour_at) AS day
    FROM insights.system_metrics_hourly AS hours
    INNER JOIN near
        ON
            hours.host = near.host
            AND (
                (hours.metric = 'system.filesystem.utilization' AND hours.attributes = near.attributes)
                OR (hours.metric = 'system.filesystem.usage' AND hours.attributes = near.attributes || ',state=used')
            )
    WHERE
        hours.hour_at >= CAST($as_of AS TIMESTAMPTZ) - INTERVAL 400 DAY
        AND hours.hour_at < CAST($as_of AS TIMESTAMPTZ)
        AND isfinite(hours.mean)
        AND isfinite(hours.max)
),

days AS (
    SELECT
        host,
        attributes,
        day,
        avg(mean) FILTER (WHERE metric = 'system.filesystem.utilization') AS utilization,
        max(max) FILTER (WHERE metric = 'system.filesystem.utilization') AS highest,
        avg(mean) FILTER (WHERE metric = 'system.filesystem.usage') AS used,
        max(max) FILTER (WHERE metric = 'system.filesystem.usage') AS most_used
    FROM known
    GROUP BY host, attributes, day
)

SELECT
    near.host,
    near.attributes,
    list(days.day ORDER BY days.day) AS days,
    list(coalesce(days.used / near.size, days.utilization) ORDER BY days.day) AS levels,
    list(coalesce(days.most_used / near.size, days.highest) ORDER BY days.day) AS highs
FROM near
INNER JOIN days ON near.host = days.host AND near.attributes = days.attributes
GROUP BY near.host, near.attributes
