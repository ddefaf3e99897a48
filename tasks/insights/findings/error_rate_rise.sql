-- The hours of every operation over the last day and the four weeks before it, and for those of the last day what was deployed then.
SELECT
    health.as_of,
    health.operation,
    health.kind,
    health.hour_at,
    health.requests,
    health.failed,
    health.error_rate,
    health.error_rate_low,
    health.error_rate_high,
    health.error_rate >= 0.01 + coalesce(health.baseline_error_rate, 0) AS is_large,
    CASE WHEN health.hour_at >= CAST($as_of AS TIMESTAMPTZ) - to_hours(25) THEN released.releases END AS releases,
    health.is_sample
FROM operation_hours(CAST($as_of AS TIMESTAMPTZ)) AS health
CROSS JOIN releases_before(CAST($as_of AS TIMESTAMPTZ), 26, CAST($environments AS MAP(VARCHAR, VARCHAR))) AS released
