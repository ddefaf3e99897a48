-- Attempts that ended in the window from `since` to `as_of`, or not yet, as they stood at `as_of`; each with the deployment it is of.
-- An attempt is a row of raw.deployments. The attempts of one (service, environment, version) with less than `gap_seconds` between
-- them are one deployment, with the outcome of the last. Going back to a version is not retrying it.
CREATE OR REPLACE TEMP MACRO attempts_as_of(as_of, since, gap_seconds) AS TABLE
WITH attempts AS (
    SELECT
        deployment_id,
        -- A name that would be taken for the rows over everything is set apart.
        CASE service WHEN 'all' THEN '"all"' ELSE service END AS service,
        CASE environment WHEN 'all' THEN '"all"' ELSE environment END AS environment,
        coalesce(version, 'attempt ' || deployment_id) AS version,
        coalesce(is_rollback, false) AS is_rollback,
        coalesce(is_hotfix, false) AS is_hotfix,
        committed_at,
        coalesce(started_at, committed_at, updated_at) AS begun_at,
        CASE WHEN final_end < as_of THEN final_end END AS ended_at,
        CASE WHEN final_end < as_of THEN status ELSE 'open' END AS status,
        epoch(finished_at - started_at) AS duration_seconds,
        source IS NOT DISTINCT FROM 'sample' AS is_sample
    FROM (
        SELECT
            *,
            -- Ended without saying when: at its last change, at the latest. Such an attempt counts, but has no duration.
            -- The status decides whether it ended at all, so that no attempt falls between the counts.
            CASE WHEN status NOT IN ('pending', 'running') THEN coalesce(finished_at, updated_at) END AS final_end
        FROM raw.deployments
        WHERE NOT is_deleted
    )
    WHERE coalesce(started_at, committed_at, updated_at) < as_of AND (final_end IS NULL OR final_end >= since)
),

chained AS (
    SELECT
        *,
        epoch(begun_at - max(coalesce(ended_at, begun_at)) OVER earlier) < gap_seconds IS TRUE AS is_retry
    FROM attempts
    WINDOW earlier AS (
        PARTITION BY service, environment, version, is_rollback ORDER BY begun_at, deployment_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),

numbered AS (
    SELECT
        *,
        sum(CASE WHEN is_retry THEN 0 ELSE 1 END) OVER (
            PARTITION BY service, environment, version, is_rollback ORDER BY begun_at, deployment_id
        ) AS deployment
    FROM chained
)

-- What the deployment was up to and with this attempt; so its last attempt says it all.
SELECT
    * EXCLUDE (is_retry, deployment),
    first_value(status) OVER so_far AS first_status,
    first_value(begun_at) OVER so_far AS first_begun_at,
    count(ended_at) OVER so_far AS attempts,
    lead(begun_at) OVER so_far IS NULL AS is_last
FROM numbered
WINDOW so_far AS (PARTITION BY service, environment, version, is_rollback, deployment ORDER BY begun_at, deployment_id)
