-- The scans that have become slower than they were.
SELECT
    data_source,
    scan_type,
    slowed_at,
    slowdown_ratio,
    slowdown_ratio_low,
    slowdown_ratio_high,
    slowdown_q_value,
    assets_ratio,
    run_times,
    run_median_seconds,
    run_median_low,
    run_median_high,
    days,
    window_days,
    is_sample
FROM insights.scan_performance
WHERE slowdown = 'slower'
ORDER BY data_source, scan_type
