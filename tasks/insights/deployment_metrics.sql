-- Counts and times per environment x service over the $window_days up to $as_of; of the times, lists that Python takes medians of.
-- A canceled deployment came to nothing: it neither mends what went before, nor is it mended.
WITH deployments AS (
    SELECT
        *,
        status IN ('succeeded', 'failed', 'rolled_back') AS is_terminal,
        duration_seconds BETWEEN 0 AND $bound_seconds AS is_in_bounds,
        -- Of a version that is deployed anew only the first delivery counts, of a rollback none.
        CASE
            WHEN status = 'succeeded' AND successes_before = 0 AND NOT is_rollback THEN seconds_between(committed_at, ended_at)
        END AS lead_seconds,
        is_rollback OR is_hotfix AS is_remedy,
        lead(is_rollback OR is_hotfix) OVER in_place IS TRUE AS is_remedied,
        lag(status) OVER in_place IN ('failed', 'rolled_back')
        AND seconds_between(lag(ended_at) OVER in_place, first_begun_at) < $rework_seconds AS is_follow_up,
        seconds_between(begun_at, known_until) > $bound_seconds AS is_overdue
    FROM deployments_as_of(
        CAST($as_of AS TIMESTAMPTZ), CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)), $gap_seconds
    )
    WINDOW in_place AS (PARTITION BY environment, service, status = 'canceled' ORDER BY first_begun_at, deployment_id, source)
),

counted AS (
    SELECT
        environment,
        service,
        count(*) FILTER (WHERE is_terminal) AS deployments,
        CAST(sum(attempts) AS BIGINT) AS attempts,
        count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'rolled_back') AS rolled_back,
        count(*) FILTER (WHERE status = 'canceled') AS canceled,
        count(*) FILTER (WHERE status = 'open' AND NOT is_overdue) AS in_progress,
        count(*) FILTER (WHERE status = 'open' AND is_overdue) AS stuck,
        count(*) FILTER (WHERE is_terminal AND first_status = 'succeeded') AS succeeded_at_once,
        count(*) FILTER (WHERE is_terminal AND (status <> 'succeeded' OR is_remedied)) AS failed_changes,
        count(*) FILTER (WHERE is_terminal AND (is_remedy OR is_follow_up)) AS rework,
        count(*) FILTER (WHERE is_terminal AND NOT is_in_bounds) AS out_of_bounds,
        list(duration_seconds) FILTER (WHERE is_terminal AND is_in_bounds) AS durations,
        list(lead_seconds) FILTER (WHERE lead_seconds BETWEEN 0 AND $lead_bound_seconds) AS lead_times,
        count(*) FILTER (WHERE lead_seconds NOT BETWEEN 0 AND $lead_bound_seconds) AS lead_out_of_bounds,
        bool_or(is_sample) AS is_sample
    FROM deployments
    GROUP BY environment, service
),

refused AS (
    SELECT environment, service, count(*) AS outdated
    FROM every_attempt_as_of(CAST($as_of AS TIMESTAMPTZ), CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)))
    WHERE outdated_reason IS NOT NULL
    GROUP BY environment, service
),

-- Of attempts that ended one after the other with the same outcome the first: where failing begins, and where it ends.
turns AS (
    SELECT environment, service, deployment_id, source, ended_at, known_until, status = 'succeeded' AS is_success
    FROM attempts_as_of(CAST($as_of AS TIMESTAMPTZ), CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)))
    WHERE status IN ('succeeded', 'failed', 'rolled_back')
    QUALIFY lag(status = 'succeeded') OVER (PARTITION BY environment, service ORDER BY ended_at, deployment_id, source)
        IS DISTINCT FROM (status = 'succeeded')
),

recoveries AS (
    SELECT
        environment,
        service,
        list(seconds_between(ended_at, recovered_at)) FILTER (WHERE recovered_at IS NOT NULL) AS recovery_times,
        list(greatest(0, seconds_between(ended_at, known_until)))
            FILTER (WHERE recovered_at IS NULL) AS open_times
    FROM (
        SELECT *, lead(ended_at) OVER (PARTITION BY environment, service ORDER BY ended_at, deployment_id, source) AS recovered_at
        FROM turns
    )
    WHERE NOT is_success
    GROUP BY environment, service
)

SELECT * REPLACE (coalesce(outdated, 0) AS outdated)
FROM counted
LEFT JOIN recoveries USING (environment, service)
LEFT JOIN refused USING (environment, service)
ORDER BY environment, service
