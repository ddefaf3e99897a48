-- The hours of every operation over the last day and the four weeks before it, and for those of the last day what was deployed then.
SELECT
    health.as_of,
    health.operation,
    health.kind,
    health.hour_at,
    health.requests,
    -- Without a baseline nothing was slow, which tells nothing.
    CASE WHEN health.slow IS NOT NULL THEN health.timed END AS timed,
    health.slow,
    health.very_slow,
    health.p95_seconds,
    health.p95_low,
    health.p95_high,
    health.baseline_p95_seconds,
    health.p95_ratio,
    health.p95_low >= slow_from(health.baseline_p95_seconds) AS is_large,
    CASE WHEN health.hour_at >= CAST($as_of AS TIMESTAMPTZ) - to_hours(25) THEN released.releases END AS releases,
    health.is_sample
FROM operation_hours(CAST($as_of AS TIMESTAMPTZ)) AS health
CROSS JOIN releases_before(CAST($as_of AS TIMESTAMPTZ), 26, CAST($environments AS MAP(VARCHAR, VARCHAR))) AS released
