-- Until when it is known how the deployments of each source stood: the last time that it was read, where anybody says when that was.
CREATE OR REPLACE TEMP MACRO deployments_known_until(as_of) AS TABLE
SELECT source, least(as_of, coalesce(seen_at, as_of)) AS known_until
FROM (SELECT source, max(extracted_at) FILTER (WHERE extracted_at > updated_at) AS seen_at FROM raw.deployments GROUP BY source);

-- Attempts that ended in the window from `since` to `as_of`, or not yet, as they stood at `as_of`, even those whose newest state was
-- refused. One is a row of raw.deployments.
CREATE OR REPLACE TEMP MACRO every_attempt_as_of(as_of, since) AS TABLE
SELECT
    deployment_id,
    source,
    -- A name that would be taken for the rows over everything is set apart.
    CASE service WHEN 'all' THEN '"all"' ELSE service END AS service,
    CASE environment WHEN 'all' THEN '"all"' ELSE environment END AS environment,
    coalesce(version, 'attempt ' || deployment_id) AS version,
    coalesce(is_rollback, false) AS is_rollback,
    coalesce(is_hotfix, false) AS is_hotfix,
    committed_at,
    begun_at,
    CASE WHEN final_end < as_of THEN final_end END AS ended_at,
    CASE WHEN final_end < as_of THEN status ELSE 'open' END AS status,
    seconds_between(started_at, finished_at) AS duration_seconds,
    known_until,
    outdated_reason,
    source = 'sample' AS is_sample
FROM (
    SELECT
        *,
        coalesce(started_at, committed_at, updated_at) AS begun_at,
        -- Ended without saying when: at its last change, at the latest. Such an attempt counts, but has no duration.
        -- The status decides whether it ended at all, so that no attempt falls between the counts.
        CASE WHEN status NOT IN ('pending', 'running') THEN coalesce(finished_at, updated_at) END AS final_end
    FROM raw.deployments
    WHERE NOT is_deleted
)
INNER JOIN deployments_known_until(as_of) USING (source)
LEFT JOIN (SELECT key AS deployment_id, source, outdated_reason FROM outdated_rows('deployments', as_of)) USING (deployment_id, source)
WHERE begun_at < as_of AND (final_end IS NULL OR final_end >= since);

-- Those of which it is known how they stand.
CREATE OR REPLACE TEMP MACRO attempts_as_of(as_of, since) AS TABLE
SELECT * EXCLUDE (outdated_reason)
FROM every_attempt_as_of(as_of, since)
WHERE outdated_reason IS NULL;

-- The attempts that one source has of one (service, environment, version) with less than `gap_seconds` between them are one
-- deployment, with the outcome of the last. Going back to a version is not retrying it. Each row is the last attempt, and says of
-- the others what matters.
CREATE OR REPLACE TEMP MACRO deployments_as_of(as_of, since, gap_seconds) AS TABLE
SELECT
    * EXCLUDE (is_retry, place),
    first_value(status) OVER so_far AS first_status,
    first_value(begun_at) OVER so_far AS first_begun_at,
    count(ended_at) OVER so_far AS attempts
FROM (
    SELECT *, sum(CASE WHEN is_retry THEN 0 ELSE 1 END) OVER same_change AS place
    FROM (
        SELECT
            *,
            seconds_between(max(coalesce(ended_at, begun_at)) OVER earlier, begun_at) < gap_seconds IS TRUE AS is_retry,
            count(*) FILTER (WHERE status = 'succeeded') OVER earlier AS successes_before
        FROM attempts_as_of(as_of, since)
        WINDOW earlier AS (
            PARTITION BY source, service, environment, version, is_rollback ORDER BY begun_at, deployment_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
    )
    WINDOW same_change AS (PARTITION BY source, service, environment, version, is_rollback ORDER BY begun_at, deployment_id)
)
WINDOW so_far AS (PARTITION BY source, service, environment, version, is_rollback, place ORDER BY begun_at, deployment_id)
QUALIFY lead(begun_at) OVER so_far IS NULL;

-- What was released in the `hours` up to `as_of`, the newest first: one list, NULL where there was nothing.
CREATE OR REPLACE TEMP MACRO releases_before(as_of, hours) AS TABLE
SELECT list(
    struct_pack(service := service, version := version, environment := environment, finished_at := finished_at)
    ORDER BY finished_at DESC, deployment_id, source
) AS releases
FROM raw.deployments
WHERE status = 'succeeded' AND NOT is_deleted AND finished_at < as_of AND finished_at >= as_of - to_hours(hours)
