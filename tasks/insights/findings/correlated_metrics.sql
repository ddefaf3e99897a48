-- Operations that answer slowly now and whose median duration follows a metric of a host minute by minute: of each the closest one,
-- and how many other hosts have one. Slow is an hour whose 95th percentile is so at the lower end of its interval; it lasts until an
-- hour is below that altogether.
WITH hours AS (
    SELECT
        operation,
        hour_at,
        p95_seconds,
        p95_ratio,
        p95_low >= slow_from(baseline_p95_seconds) AS is_slow,
        p95_seconds < slow_from(baseline_p95_seconds) AS is_sound
    FROM operation_hours(CAST($as_of AS TIMESTAMPTZ))
    WHERE p95_low IS NOT NULL AND baseline_p95_seconds > 0
),

since AS (
    SELECT operation, max(hour_at) FILTER (WHERE is_sound) AS sound_at, max(hour_at) AS judged_at FROM hours GROUP BY operation
),

slow AS (
    SELECT
        hours.operation,
        min(hours.hour_at) AS started_at,
        max(hours.hour_at) AS hour_at,
        arg_max(hours.p95_seconds, hours.hour_at) AS p95_seconds,
        arg_max(hours.p95_ratio, hours.hour_at) AS p95_ratio
    FROM hours
    INNER JOIN since ON since.operation = hours.operation
    WHERE hours.is_slow AND (since.sound_at IS NULL OR hours.hour_at > since.sound_at)
        AND since.judged_at >= CAST($as_of AS TIMESTAMPTZ) - to_hours(4)
    GROUP BY hours.operation
),

links AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY other ORDER BY abs(correlation) DESC, host, metric, attributes) AS place,
        count(DISTINCT host) OVER (PARTITION BY other) - 1 AS other_hosts
    FROM insights.metric_correlations
    WHERE other_kind = 'operation' AND other_metric = 'p50_seconds' AND lag_minutes >= 0
        AND abs(correlation) >= 0.5 AND q_value <= 1e-6
)

SELECT slow.*, links.* EXCLUDE (place)
FROM slow
INNER JOIN links ON links.other = slow.operation AND links.place = 1
ORDER BY slow.operation
