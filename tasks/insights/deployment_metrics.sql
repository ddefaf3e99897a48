-- Counts and sorted durations per environment x service, with `all` rows over their union.
-- An attempt is a row of raw.deployments as it stood at $as_of; the attempts of one (service, environment, version) with less
-- than $gap_seconds between them are one deployment, with the outcome of the last. Going back to a version is not retrying it.
WITH attempts AS (
    SELECT
        deployment_id,
        -- A name that would be taken for the rows over everything is set apart.
        CASE service WHEN 'all' THEN '"all"' ELSE service END AS service,
        CASE environment WHEN 'all' THEN '"all"' ELSE environment END AS environment,
        coalesce(version, 'attempt ' || deployment_id) AS version,
        coalesce(is_rollback, false) AS is_rollback,
        status AS final_status,
        started_at,
        coalesce(started_at, committed_at, updated_at) AS begun_at,
        -- Ended without saying when: at its last change, at the latest. Such an attempt counts, but has no duration.
        -- The status decides whether it ended at all, so that no attempt falls between the counts.
        CASE WHEN status NOT IN ('pending', 'running') THEN coalesce(finished_at, updated_at) END AS final_end,
        epoch(finished_at - started_at) AS duration_seconds,
        source IS NOT DISTINCT FROM 'sample' AS is_sample
    FROM raw.deployments
    WHERE NOT is_deleted AND coalesce(started_at, committed_at, updated_at) < $as_of
),

as_they_stood AS (
    SELECT
        *,
        CASE WHEN final_end < $as_of THEN final_end END AS ended_at,
        CASE WHEN final_end < $as_of THEN final_status ELSE 'open' END AS status
    FROM attempts
),

after_gaps AS (
    SELECT
        *,
        max(coalesce(ended_at, begun_at)) OVER (
            same_change ORDER BY begun_at, deployment_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS previous_end
    FROM as_they_stood
    WINDOW same_change AS (PARTITION BY service, environment, version, is_rollback)
),

numbered AS (
    SELECT
        *,
        sum(CASE WHEN epoch(begun_at - previous_end) < $gap_seconds THEN 0 ELSE 1 END) OVER (
            PARTITION BY service, environment, version, is_rollback ORDER BY begun_at, deployment_id
        ) AS deployment
    FROM after_gaps
),

deployments AS (
    SELECT
        service,
        environment,
        status,
        begun_at,
        ended_at,
        duration_seconds,
        count(*) FILTER (WHERE ended_at >= CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER))) OVER attempts_of_it
            AS attempts,
        is_sample
    FROM numbered
    WINDOW
        attempts_of_it AS (PARTITION BY service, environment, version, is_rollback, deployment),
        last_first AS (
            PARTITION BY service, environment, version, is_rollback, deployment ORDER BY begun_at DESC, deployment_id DESC
        )
    QUALIFY row_number() OVER last_first = 1
),

counted AS (
    SELECT
        *,
        status IN ('succeeded', 'failed', 'rolled_back') AS is_terminal,
        duration_seconds BETWEEN 0 AND $bound_seconds AS is_in_bounds,
        epoch(CAST($as_of AS TIMESTAMPTZ) - begun_at) > $bound_seconds AS is_overdue
    FROM deployments
    WHERE ended_at IS NULL OR ended_at >= CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER))
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    CAST($window_days AS BIGINT) AS window_days,
    CASE WHEN grouping(environment) = 1 THEN 'all' ELSE environment END AS environment,
    CASE WHEN grouping(service) = 1 THEN 'all' ELSE service END AS service,
    count(*) FILTER (WHERE is_terminal) AS deployments,
    CAST(coalesce(sum(attempts), 0) AS BIGINT) AS attempts,
    count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE status = 'rolled_back') AS rolled_back,
    count(*) FILTER (WHERE status = 'canceled') AS canceled,
    count(*) FILTER (WHERE status = 'open' AND NOT is_overdue) AS in_progress,
    count(*) FILTER (WHERE status = 'open' AND is_overdue) AS stuck,
    coalesce(list(duration_seconds ORDER BY duration_seconds) FILTER (WHERE is_terminal AND is_in_bounds), []) AS durations,
    count(*) FILTER (WHERE is_terminal AND NOT is_in_bounds) AS out_of_bounds,
    coalesce(bool_or(is_sample), false) AS is_sample
FROM counted
GROUP BY GROUPING SETS ((environment, service), (environment), (service), ())
ORDER BY environment, service
