-- Of each place since when deployments to it are known, over all that is known, and whose it is: the team of the latest that names one.
CREATE OR REPLACE TEMP MACRO deployment_places_as_of(as_of, names) AS TABLE
SELECT
    environment,
    service,
    min(coalesce(started_at, ended_at)) AS known_since,
    max_by(team, (begun_at, deployment_id, source)) FILTER (WHERE team IS NOT NULL) AS team
FROM attempts_as_of(as_of, CAST('-infinity' AS TIMESTAMPTZ), names)
GROUP BY environment, service;

-- The deployments of a window, and what matters of each. A canceled one came to nothing: it neither mends what went before, nor is it
-- mended; of one that nobody knows the instants of it is not known what it came after.
CREATE OR REPLACE TEMP MACRO measured_deployments_as_of(
    as_of, since, gap_seconds, bound_seconds, rework_seconds, names
) AS TABLE
SELECT
    *,
    status IN ('succeeded', 'failed', 'rolled_back') AS is_terminal,
    duration_seconds BETWEEN 0 AND bound_seconds AS is_in_bounds,
    -- Of a version that is deployed anew only the first delivery counts, of a rollback none.
    CASE
        WHEN
            status = 'succeeded' AND NOT is_rollback AND NOT was_delivered
            AND ended_at <= min(CASE WHEN outcome = 'succeeded' AND is_placed THEN coalesce(ended_at, begun_at) END) OVER (
                PARTITION BY source, service, environment, version
            )
            THEN seconds_between(committed_at, ended_at)
    END AS lead_seconds,
    is_rollback OR is_hotfix AS is_remedy,
    lead(is_rollback OR is_hotfix) OVER in_place IS TRUE AS is_remedied,
    lag(status) OVER in_place IN ('failed', 'rolled_back')
    AND seconds_between(lag(ended_at) OVER in_place, first_begun_at) < rework_seconds AS is_follow_up,
    status = 'open' AND seconds_between(begun_at, known_until) > bound_seconds AS is_stuck
FROM (
    SELECT deployments.*, delivered.source IS NOT NULL AS was_delivered
    FROM deployments_as_of(as_of, since, gap_seconds, names) AS deployments
    LEFT JOIN delivered_before(as_of, since, names) AS delivered USING (source, service, environment, version)
)
WINDOW in_place AS (
    PARTITION BY environment, service, status = 'canceled' OR NOT is_placed ORDER BY first_begun_at, deployment_id, source
);

-- Runs of failed attempts: from the end of the first one to that of the next success in the same target. Of a success without an end
-- it is only known that it came after it began, so such a run lasted at least until then. A success is partial, and ends nothing, if an
-- attempt of the same version that ran at the same time failed.
CREATE OR REPLACE TEMP MACRO recoveries_as_of(as_of, since, names) AS TABLE
SELECT
    environment,
    service,
    placed_at AS failed_at,
    CASE WHEN next_is_dated THEN seconds_between(placed_at, next_at) END AS recovery_seconds,
    CASE WHEN next_is_dated IS NOT TRUE THEN greatest(0, seconds_between(placed_at, coalesce(next_at, known_until))) END AS open_seconds
FROM (
    SELECT
        *,
        lead(placed_at) OVER in_target AS next_at,
        lead(ended_at IS NOT NULL) OVER in_target AS next_is_dated
    FROM (
        -- Of attempts that ended one after the other with the same outcome the first: where failing begins, and where it ends.
        SELECT * EXCLUDE (failing_until, failing_from)
        FROM (
            SELECT
                environment,
                service,
                target,
                deployment_id,
                source,
                outcome,
                begun_at,
                ended_at,
                known_until,
                coalesce(ended_at, begun_at) AS placed_at,
                max(CASE WHEN outcome <> 'succeeded' THEN ended_at END) OVER earlier AS failing_until,
                min(CASE WHEN outcome <> 'succeeded' THEN begun_at END) OVER later AS failing_from
            FROM attempts_as_of(as_of, since, names)
            WHERE status IN ('succeeded', 'failed', 'rolled_back')
                OR (status = 'undated' AND outcome = 'succeeded' AND started_at IS NOT NULL)
            WINDOW earlier AS (
                PARTITION BY source, service, environment, version, is_rollback, target ORDER BY begun_at, deployment_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            later AS (
                PARTITION BY source, service, environment, version, is_rollback, target ORDER BY begun_at, deployment_id
                ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
            )
        )
        WHERE outcome <> 'succeeded' OR (failing_until > begun_at OR failing_from < ended_at) IS NOT TRUE
        QUALIFY lag(outcome = 'succeeded') OVER (
            PARTITION BY environment, service, target ORDER BY placed_at, deployment_id, source
        ) IS DISTINCT FROM (outcome = 'succeeded')
    )
    WINDOW in_target AS (PARTITION BY environment, service, target ORDER BY placed_at, deployment_id, source)
)
WHERE outcome <> 'succeeded';

-- Counts and times per environment x service and period, for each of `periods`: `window` is all of the window, `week` and `month` are
-- those that a deployment ended in, NULL if it has not. An incident is laid to the deployment that it names, else to the last one of its
-- service that ended in the `link_seconds` before it opened: in its environment, or where it names none, in production first.
CREATE OR REPLACE TEMP MACRO deployment_counts_as_of(
    as_of, since, gap_seconds, bound_seconds, lead_bound_seconds, rework_seconds, link_seconds, names, periods
) AS TABLE
WITH measured AS MATERIALIZED (
    SELECT
        source,
        service,
        environment,
        version,
        is_rollback,
        deployment_id,
        status,
        first_begun_at,
        last_begun_at,
        ended_at,
        attempts,
        duration_seconds,
        lead_seconds,
        is_at_once,
        is_terminal,
        is_stuck,
        is_in_bounds,
        is_terminal AND (status <> 'succeeded' OR is_remedied) AS is_failed_change,
        is_terminal AND (is_remedy OR is_follow_up) AS is_rework,
        is_sample
    FROM measured_deployments_as_of(as_of, since, gap_seconds, bound_seconds, rework_seconds, names)
),

incidents AS MATERIALIZED (SELECT * FROM incidents_as_of(as_of, names)),

declared AS (
    SELECT incidents.incident_id, incidents.source AS told_by, measured.source, measured.deployment_id, measured.is_terminal
    FROM incidents
    INNER JOIN attempts_as_of(as_of, since, names) AS attempts USING (deployment_id)
    INNER JOIN measured
        ON measured.source = attempts.source AND measured.service = attempts.service
            AND measured.environment = attempts.environment AND measured.version = attempts.version
            AND measured.is_rollback = attempts.is_rollback
            AND attempts.begun_at BETWEEN measured.first_begun_at AND measured.last_begun_at
    QUALIFY row_number() OVER (
        PARTITION BY incidents.incident_id, incidents.source
        ORDER BY attempts.source = incidents.source DESC, measured.source, measured.deployment_id
    ) = 1
),

guessed AS (
    SELECT incidents.incident_id, incidents.source AS told_by, measured.source, measured.deployment_id, measured.is_terminal
    FROM incidents
    INNER JOIN measured
        ON measured.service = incidents.service AND measured.environment = coalesce(incidents.environment, measured.environment)
            AND measured.ended_at <= incidents.opened_at
    ANTI JOIN (SELECT deployment_id FROM raw.deployments WHERE NOT is_deleted) AS known
        ON known.deployment_id = incidents.deployment_id
    WHERE measured.is_terminal AND seconds_between(measured.ended_at, incidents.opened_at) <= link_seconds
    QUALIFY row_number() OVER (
        PARTITION BY incidents.incident_id, incidents.source
        ORDER BY
            measured.environment = 'production' DESC, measured.ended_at DESC, measured.deployment_id DESC, measured.source
    ) = 1
),

caused AS (
    SELECT
        links.source,
        links.deployment_id,
        count(*) AS incidents,
        list(greatest(0, seconds_between(opened_at, resolved_at))) FILTER (WHERE resolved_at IS NOT NULL) AS resolved_times,
        list(greatest(0, seconds_between(opened_at, known_until))) FILTER (WHERE resolved_at IS NULL) AS unresolved_times
    FROM (FROM declared UNION ALL FROM guessed) AS links
    INNER JOIN incidents ON incidents.incident_id = links.incident_id AND incidents.source = links.told_by
    WHERE links.is_terminal
    GROUP BY links.source, links.deployment_id
),

counted AS (
    SELECT
        period,
        CASE period WHEN 'window' THEN since ELSE period_start(period, ended_at) END AS start_at,
        environment,
        service,
        count(*) FILTER (WHERE is_terminal) AS deployments,
        CAST(sum(attempts) AS BIGINT) AS attempts,
        count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'rolled_back') AS rolled_back,
        count(*) FILTER (WHERE status = 'canceled') AS canceled,
        count(*) FILTER (WHERE status = 'open' AND NOT is_stuck) AS in_progress,
        count(*) FILTER (WHERE is_stuck) AS stuck,
        count(*) FILTER (WHERE status = 'undated') AS undated,
        count(*) FILTER (WHERE is_terminal AND is_at_once) AS succeeded_at_once,
        count(*) FILTER (WHERE is_failed_change) AS failed_changes,
        count(*) FILTER (WHERE is_rework) AS rework,
        count(*) FILTER (WHERE is_terminal AND NOT is_in_bounds) AS out_of_bounds,
        list(duration_seconds) FILTER (WHERE is_terminal AND is_in_bounds) AS durations,
        list(lead_seconds) FILTER (WHERE lead_seconds BETWEEN 0 AND lead_bound_seconds) AS lead_times,
        count(*) FILTER (WHERE lead_seconds NOT BETWEEN 0 AND lead_bound_seconds) AS lead_out_of_bounds,
        CAST(coalesce(sum(incidents), 0) AS BIGINT) AS incidents,
        count(incidents) AS incident_failed_changes,
        flatten(list(resolved_times)) AS incident_recovery_times,
        flatten(list(unresolved_times)) AS incident_open_times,
        bool_or(is_sample) AS is_sample
    FROM measured
    CROSS JOIN (SELECT unnest(periods) AS period)
    LEFT JOIN caused USING (source, deployment_id)
    GROUP BY ALL
),

recovered AS (
    SELECT
        period,
        CASE period WHEN 'window' THEN since ELSE period_start(period, failed_at) END AS start_at,
        environment,
        service,
        list(recovery_seconds) FILTER (WHERE recovery_seconds IS NOT NULL) AS recovery_times,
        list(open_seconds) FILTER (WHERE open_seconds IS NOT NULL) AS open_times
    FROM recoveries_as_of(as_of, since, names)
    CROSS JOIN (SELECT unnest(periods) AS period)
    GROUP BY ALL
)

SELECT *, (SELECT count(*) > 0 FROM incidents) AS knows_incidents
FROM counted
LEFT JOIN recovered USING (period, start_at, environment, service)
LEFT JOIN deployment_places_as_of(as_of, names) USING (environment, service)
