-- Until when it is known how the deployments of each source stood: the last time that it was read, where anybody says when that was.
CREATE OR REPLACE TEMP MACRO deployments_known_until(as_of) AS TABLE
SELECT source, least(as_of, coalesce(seen_at, as_of)) AS known_until
FROM (SELECT source, max(extracted_at) FILTER (WHERE extracted_at > updated_at) AS seen_at FROM raw.deployments GROUP BY source);

-- The one name of an environment, however it is written: case and blanks around it tell none apart, `names` has other spellings.
CREATE OR REPLACE TEMP MACRO environment_named(word, names) AS (
    CASE trim(lower(word), ' ' || chr(9) || chr(10) || chr(13) || chr(160))
        -- A name that would be taken for the rows over everything is set apart.
        WHEN 'all' THEN '"all"'
        WHEN '' THEN 'unknown'
        ELSE coalesce(
            names[trim(lower(word), ' ' || chr(9) || chr(10) || chr(13) || chr(160))],
            trim(lower(word), ' ' || chr(9) || chr(10) || chr(13) || chr(160))
        )
    END
);

-- A name that would be taken for the rows over everything is set apart.
CREATE OR REPLACE TEMP MACRO service_named(word) AS CASE word WHEN 'all' THEN '"all"' ELSE word END;

-- Attempts that ended in the window from `since` to `as_of`, or not yet, as they stood at `as_of`, even those whose newest state was
-- refused. One is a row of raw.deployments. The last change of a row is no event: an attempt that ended without saying when is
-- `undated`, and in the window if it began there; that it had ended is known once its row says so.
CREATE OR REPLACE TEMP MACRO every_attempt_as_of(as_of, since, names) AS TABLE
SELECT
    deployment_id,
    source,
    service_named(service) AS service,
    environment_named(environment, names) AS environment,
    coalesce(version, 'attempt ' || deployment_id) AS version,
    target,
    team,
    coalesce(is_rollback, false) AS is_rollback,
    coalesce(is_hotfix, false) AS is_hotfix,
    committed_at,
    started_at,
    begun_at,
    ended_at,
    CASE WHEN NOT has_ended THEN 'open' WHEN ended_at IS NULL THEN 'undated' ELSE status END AS status,
    CASE WHEN has_ended THEN status ELSE 'open' END AS outcome,
    seconds_between(started_at, finished_at) AS duration_seconds,
    known_until,
    outdated_reason,
    source = 'sample' AS is_sample
FROM (
    SELECT
        *,
        coalesce(started_at, committed_at, finished_at, updated_at) AS appeared_at,
        -- The status decides whether it ended at all, so that no attempt falls between the counts.
        status NOT IN ('pending', 'running') AND coalesce(finished_at, updated_at) < as_of AS has_ended,
        CASE WHEN has_ended THEN finished_at END AS ended_at,
        coalesce(started_at, CASE WHEN has_ended THEN finished_at END, committed_at, updated_at) AS begun_at
    FROM raw.deployments
    WHERE NOT is_deleted
)
INNER JOIN deployments_known_until(as_of) USING (source)
LEFT JOIN (SELECT key AS deployment_id, source, outdated_reason FROM outdated_rows('deployments', as_of)) USING (deployment_id, source)
WHERE appeared_at < as_of AND (NOT has_ended OR coalesce(ended_at, begun_at) >= since);

-- Those of which it is known how they stand.
CREATE OR REPLACE TEMP MACRO attempts_as_of(as_of, since, names) AS TABLE
SELECT * EXCLUDE (outdated_reason)
FROM every_attempt_as_of(as_of, since, names)
WHERE outdated_reason IS NULL;

-- Attempts with the deployment that they are of, and what they are in it. The attempts that one source has of one (service,
-- environment, version) with less than `gap_seconds` between them are one deployment, whatever their targets; `place` numbers those of
-- a version. Going back to a version is not retrying it. A retry begins in the same target once an attempt there is over: what runs
-- at the same time goes out beside it, to somewhere that has no name.
CREATE OR REPLACE TEMP MACRO grouped_attempts_as_of(as_of, since, gap_seconds, names) AS TABLE
SELECT
    * EXCLUDE (until_at),
    min(until_at) OVER earlier <= begun_at IS TRUE AS is_retry,
    max(begun_at) OVER later >= until_at IS TRUE AS is_retried
FROM (
    SELECT *, sum(CASE WHEN goes_on THEN 0 ELSE 1 END) OVER same_change AS place
    FROM (
        SELECT
            *,
            coalesce(ended_at, begun_at) AS until_at,
            seconds_between(max(coalesce(ended_at, begun_at)) OVER before_it, begun_at) < gap_seconds IS TRUE AS goes_on
        FROM attempts_as_of(as_of, since, names)
        WINDOW before_it AS (
            PARTITION BY source, service, environment, version, is_rollback ORDER BY begun_at, deployment_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
    )
    WINDOW same_change AS (PARTITION BY source, service, environment, version, is_rollback ORDER BY begun_at, deployment_id)
)
WINDOW earlier AS (
    PARTITION BY source, service, environment, version, is_rollback, place, target ORDER BY begun_at, deployment_id
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
),
later AS (
    PARTITION BY source, service, environment, version, is_rollback, place, target ORDER BY begun_at, deployment_id
    ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
);

-- Deployments. One has the outcome of the attempts that were not tried again, the worst of them: it succeeded when all did. The one
-- with that outcome gives it its id; it ended when the last of them did.
CREATE OR REPLACE TEMP MACRO deployments_as_of(as_of, since, gap_seconds, names) AS TABLE
SELECT
    source,
    service,
    environment,
    version,
    is_rollback,
    decisive.* EXCLUDE (severity),
    * EXCLUDE (source, service, environment, version, is_rollback, place, decisive, last_ended_at),
    CASE WHEN decisive.status NOT IN ('open', 'undated') THEN last_ended_at END AS ended_at
FROM (
    SELECT
        source,
        service,
        environment,
        version,
        is_rollback,
        place,
        max(struct_pack(
            severity := list_position(
                ['succeeded', 'undated succeeded', 'undated canceled', 'canceled', 'open', 'undated rolled_back', 'rolled_back',
                'undated failed', 'failed'],
                CASE WHEN status = 'undated' THEN 'undated ' || outcome ELSE outcome END
            ),
            begun_at := begun_at,
            deployment_id := deployment_id,
            status := status,
            outcome := outcome,
            is_placed := status <> 'undated' OR started_at IS NOT NULL
        )) FILTER (WHERE NOT is_retried) AS decisive,
        min(committed_at) FILTER (WHERE NOT is_retried) AS committed_at,
        max(ended_at) FILTER (WHERE NOT is_retried) AS last_ended_at,
        -- How long it took, where each says when it began.
        CASE
            WHEN count(*) FILTER (WHERE NOT is_retried AND (started_at IS NULL OR ended_at IS NULL)) = 0
                THEN seconds_between(
                    min(started_at) FILTER (WHERE NOT is_retried), max(ended_at) FILTER (WHERE NOT is_retried)
                )
        END AS duration_seconds,
        bool_or(is_hotfix) FILTER (WHERE NOT is_retried) AS is_hotfix,
        bool_and(outcome = 'succeeded') FILTER (WHERE NOT is_retry) AS is_at_once,
        min(begun_at) AS first_begun_at,
        max(begun_at) AS last_begun_at,
        count(ended_at) AS attempts,
        max(known_until) AS known_until,
        bool_or(is_sample) AS is_sample
    FROM grouped_attempts_as_of(as_of, since, gap_seconds, names)
    GROUP BY source, service, environment, version, is_rollback, place
);

-- Versions that had gone out before `since`: a success in each target that had been tried.
CREATE OR REPLACE TEMP MACRO delivered_before(as_of, since, names) AS TABLE
SELECT source, service, environment, version
FROM (
    SELECT source, service, environment, version, target, bool_or(outcome = 'succeeded') AS is_delivered
    FROM attempts_as_of(as_of, CAST('-infinity' AS TIMESTAMPTZ), names)
    WHERE outcome <> 'open' AND coalesce(ended_at, started_at) < since
    GROUP BY source, service, environment, version, target
)
GROUP BY source, service, environment, version
HAVING bool_and(is_delivered);

-- What was released in the `hours` up to `as_of`, the newest first: one list, NULL where there was nothing.
CREATE OR REPLACE TEMP MACRO releases_before(as_of, hours, names) AS TABLE
SELECT list(
    struct_pack(service := service, version := version, environment := environment_named(environment, names), finished_at := finished_at)
    ORDER BY finished_at DESC, deployment_id, source
) AS releases
FROM raw.deployments
WHERE status = 'succeeded' AND NOT is_deleted AND finished_at < as_of AND finished_at >= as_of - to_hours(hours)
