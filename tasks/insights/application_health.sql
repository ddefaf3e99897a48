-- Requests by hour x operation over [$window_start, $as_of), in any order, with the durations that Python takes percentiles of; beside
-- them the same hour of the week and those beside it, in the four weeks before. What is still running is left out: such a row is read
-- again and again until it ends.
WITH requests AS NOT MATERIALIZED (
    SELECT
        date_trunc('hour', occurred_at) AS hour_at,
        operation,
        status,
        CASE WHEN status = 'succeeded' THEN duration_seconds END AS seconds,
        (source IS NOT DISTINCT FROM 'sample') AS is_sample
    FROM raw.activity
    WHERE
        operation IS NOT NULL AND status <> 'running' AND NOT is_deleted
        AND occurred_at >= CAST($window_start AS TIMESTAMPTZ) - to_days(5 * 7) AND occurred_at < CAST($as_of AS TIMESTAMPTZ)
),

-- Of the weeks before, the hours that the window is compared with; each counts for the hour before it and the hour after it, too.
around AS (
    SELECT
        operation,
        hour_at + to_hours(beside) AS hour_at,
        count(*) FILTER (WHERE status <> 'canceled') AS requests,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        quantile_cont(seconds, 0.95) AS p95,
        count(seconds) AS timed
    FROM requests
    CROSS JOIN (SELECT unnest([-1, 0, 1]) AS beside)
    WHERE
        (epoch(hour_at) - epoch(CAST($window_start AS TIMESTAMPTZ)) + 3600 + 5 * 604800) % 604800
        <= epoch(CAST($as_of AS TIMESTAMPTZ)) - epoch(CAST($window_start AS TIMESTAMPTZ)) + 7200
        OR epoch(CAST($as_of AS TIMESTAMPTZ)) - epoch(CAST($window_start AS TIMESTAMPTZ)) > 604800
    GROUP BY ALL
),

same_hours AS (
    SELECT
        operation,
        hour_at + to_hours(168 * weeks) AS hour_at,
        CAST(sum(requests) AS BIGINT) AS baseline_requests,
        sum(failed) / nullif(sum(requests), 0) AS baseline_error_rate,
        count(*) FILTER (WHERE timed >= 60) AS weeks_with_enough,
        quantile_disc(p95, 0.5) FILTER (WHERE timed >= 60) AS p95_of_weeks
    FROM around
    CROSS JOIN (SELECT unnest([1, 2, 3, 4]) AS weeks)
    GROUP BY ALL
),

-- Of operations with few requests the four whole weeks before, for those hours that have no more.
thin AS (
    SELECT DISTINCT requests.operation, date_trunc('week', requests.hour_at) AS week_at
    FROM requests
    LEFT JOIN same_hours USING (operation, hour_at)
    WHERE requests.hour_at >= CAST($window_start AS TIMESTAMPTZ) AND same_hours.p95_of_weeks IS NULL
),

whole_weeks AS (
    SELECT operation, week_at, quantile_disc(p95, 0.5) AS p95_of_all
    FROM (
        SELECT thin.operation, thin.week_at, quantile_cont(requests.seconds, 0.95) AS p95
        FROM thin
        INNER JOIN requests
            ON requests.operation = thin.operation AND requests.hour_at < thin.week_at
            AND requests.hour_at >= thin.week_at - to_days(28)
        GROUP BY thin.operation, thin.week_at, date_trunc('week', requests.hour_at)
        HAVING count(requests.seconds) >= 60
    )
    GROUP BY ALL
),

baselines AS MATERIALIZED (
    SELECT
        hours.operation,
        hours.hour_at,
        same_hours.baseline_requests,
        same_hours.baseline_error_rate,
        coalesce(same_hours.weeks_with_enough, 0) AS baseline_weeks,
        coalesce(same_hours.p95_of_weeks, whole_weeks.p95_of_all) AS baseline_p95_seconds
    FROM (SELECT DISTINCT operation, hour_at FROM requests WHERE hour_at >= CAST($window_start AS TIMESTAMPTZ)) AS hours
    LEFT JOIN same_hours USING (operation, hour_at)
    LEFT JOIN whole_weeks ON whole_weeks.operation = hours.operation AND whole_weeks.week_at = date_trunc('week', hours.hour_at)
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    hour_at,
    operation,
    CASE
        WHEN regexp_matches(operation, '^((GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) |/|https?://)') THEN 'api'
        ELSE 'query'
    END AS kind,
    least(1, (epoch(CAST($as_of AS TIMESTAMPTZ)) - epoch(hour_at)) / 3600) AS coverage,
    count(*) FILTER (WHERE status <> 'canceled') AS requests,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE status = 'canceled') AS canceled,
    list(seconds) FILTER (WHERE seconds IS NOT NULL) AS seconds,
    baseline_requests,
    baseline_error_rate,
    baseline_weeks,
    baseline_p95_seconds,
    CASE WHEN baseline_p95_seconds IS NOT NULL THEN count(*) FILTER (WHERE seconds > baseline_p95_seconds) END AS slow,
    CASE WHEN baseline_p95_seconds IS NOT NULL THEN count(*) FILTER (WHERE seconds > 1.5 * baseline_p95_seconds) END AS very_slow,
    bool_or(is_sample) AS is_sample
FROM requests
LEFT JOIN baselines USING (operation, hour_at)
WHERE hour_at >= CAST($window_start AS TIMESTAMPTZ)
GROUP BY operation, hour_at, baseline_requests, baseline_error_rate, baseline_weeks, baseline_p95_seconds
