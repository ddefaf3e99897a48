-- Per environment x service what was deployed over the $window_days up to $as_of: lists of an element for each day with deployments, and
-- for each whole week, oldest first. Days and weeks are numbered back from $as_of, 0 the latest.
WITH daily AS (
    SELECT
        environment,
        service,
        day_before(CAST($as_of AS TIMESTAMPTZ), ended_at) AS day,
        count(*) AS deployments,
        count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
        list(duration_seconds) FILTER (WHERE status = 'succeeded' AND duration_seconds BETWEEN 0 AND $bound_seconds) AS durations,
        bool_or(is_sample) AS is_sample
    FROM deployments_as_of(
        CAST($as_of AS TIMESTAMPTZ),
        CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)),
        $gap_seconds,
        CAST($environments AS MAP(VARCHAR, VARCHAR))
    )
    WHERE status IN ('succeeded', 'failed', 'rolled_back')
    GROUP BY environment, service, day
),

by_day AS (
    SELECT
        environment,
        service,
        list(day ORDER BY day DESC) AS days,
        list(deployments ORDER BY day DESC) AS deployments,
        list(succeeded ORDER BY day DESC) AS succeeded,
        list(list_median(durations) ORDER BY day DESC) AS median_seconds,
        bool_or(is_sample) AS is_sample
    FROM daily
    GROUP BY environment, service
),

weekly AS (
    SELECT
        environment,
        service,
        day // 7 AS week,
        CAST(sum(deployments) AS BIGINT) AS deployments,
        sum(succeeded) / sum(deployments) AS success_rate,
        flatten(list(durations)) AS durations
    FROM daily
    GROUP BY environment, service, week
),

by_week AS (
    SELECT
        environment,
        service,
        list(coalesce(weekly.deployments, 0) ORDER BY week DESC) AS weekly_deployments,
        list(weekly.success_rate ORDER BY week DESC) AS weekly_rates,
        list(coalesce(len(weekly.durations), 0) ORDER BY week DESC) AS weekly_durations,
        list(list_median(weekly.durations) ORDER BY week DESC) AS weekly_median_seconds
    FROM by_day
    CROSS JOIN (SELECT unnest(range($window_days // 7)) AS week)
    LEFT JOIN weekly USING (environment, service, week)
    GROUP BY environment, service
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    CAST($window_days AS BIGINT) AS window_days,
    by_day.*,
    -- A window under a week has none.
    coalesce(weekly_deployments, []) AS weekly_deployments,
    coalesce(weekly_rates, []) AS weekly_rates,
    coalesce(weekly_durations, []) AS weekly_durations,
    coalesce(weekly_median_seconds, []) AS weekly_median_seconds
FROM by_day
LEFT JOIN by_week USING (environment, service)
ORDER BY environment, service
