-- The scans that have become slower than they were, with how long those in the window took before and since.
WITH slower AS (
    SELECT * FROM insights.scan_performance WHERE slowdown = 'slower'
),

sides AS (
    SELECT
        slower.data_source,
        slower.scan_type,
        count(*) FILTER (WHERE scans.ended_at < slower.slowed_at) AS runs_before,
        count(*) FILTER (WHERE scans.ended_at >= slower.slowed_at) AS runs_since,
        median(scans.run_seconds) FILTER (WHERE scans.ended_at < slower.slowed_at) AS median_before_seconds,
        median(scans.run_seconds) FILTER (WHERE scans.ended_at >= slower.slowed_at) AS median_since_seconds
    FROM slower
    INNER JOIN scans_as_of(CAST($as_of AS TIMESTAMPTZ)) AS scans USING (data_source, scan_type)
    WHERE scans.status = 'succeeded' AND scans.run_seconds >= 0 AND scans.outdated_reason IS NULL
        AND scans.ended_at >= CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER))
    GROUP BY slower.data_source, slower.scan_type
)

SELECT
    data_source,
    scan_type,
    slowed_at,
    slowdown_ratio,
    slowdown_ratio_low,
    slowdown_ratio_high,
    slowdown_q_value,
    assets_ratio,
    runs_before,
    runs_since,
    median_before_seconds,
    median_since_seconds,
    is_sample
FROM slower
LEFT JOIN sides USING (data_source, scan_type)
ORDER BY data_source, scan_type
