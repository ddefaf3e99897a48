-- The deployments that insights.deployment_metrics counts as stuck, of those that began in the window: of each place the first to
-- begin of those that are open. Where a platform never closes its records, the latest five of each place will do. Beside them, how
-- many attempts on the platform that ended took as long, and what has gone out there since.
WITH places AS (
    SELECT environment, service, stuck
    FROM insights.deployment_metrics
    WHERE stuck > 0 AND environment <> 'all' AND service <> 'all'
),

known AS MATERIALIZED (
    SELECT deployments.*, places.stuck
    FROM deployments_as_of(
        CAST($as_of AS TIMESTAMPTZ),
        CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)),
        $gap_seconds,
        CAST($environments AS MAP(VARCHAR, VARCHAR))
    ) AS deployments
    INNER JOIN places USING (environment, service)
),

stuck AS MATERIALIZED (
    SELECT
        *,
        seconds_between(begun_at, known_until) AS elapsed_seconds,
        row_number() OVER (PARTITION BY environment, service ORDER BY begun_at, deployment_id, source) AS number
    FROM known
    WHERE status = 'open'
    QUALIFY
        number > stuck - 5 AND number <= stuck
        AND day_before(CAST($as_of AS TIMESTAMPTZ), begun_at) < CAST($window_days AS BIGINT)
),

ended AS (
    SELECT duration_seconds
    FROM attempts_as_of(
        CAST($as_of AS TIMESTAMPTZ),
        CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)),
        CAST($environments AS MAP(VARCHAR, VARCHAR))
    )
    WHERE status NOT IN ('open', 'undated') AND duration_seconds >= 0
),

longer AS (
    SELECT stuck.deployment_id, stuck.source, count(*) AS longer
    FROM stuck
    INNER JOIN ended ON ended.duration_seconds >= stuck.elapsed_seconds
    GROUP BY stuck.deployment_id, stuck.source
),

since AS (
    SELECT
        stuck.deployment_id,
        stuck.source,
        count(*) AS succeeded_since,
        max(known.ended_at) AS last_succeeded_at,
        arg_max(known.version, (known.ended_at, known.deployment_id)) AS last_version
    FROM stuck
    INNER JOIN known USING (environment, service)
    WHERE known.status = 'succeeded' AND known.begun_at > stuck.begun_at
    GROUP BY stuck.deployment_id, stuck.source
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    CAST($window_days AS BIGINT) AS window_days,
    stuck.deployment_id,
    -- Where two sources have a deployment of one id, the first to begin goes by it alone.
    CASE
        WHEN EXISTS (
            SELECT 1
            FROM raw.deployments AS other
            WHERE other.deployment_id = stuck.deployment_id AND other.source <> stuck.source
                AND (coalesce(other.started_at, other.committed_at, other.updated_at), other.source) < (stuck.begun_at, stuck.source)
        ) THEN stuck.deployment_id || ' (' || stuck.source || ')'
        ELSE stuck.deployment_id
    END AS subject,
    stuck.environment,
    stuck.service,
    raw.deployments.version,
    CASE
        WHEN raw.deployments.status = 'pending' OR raw.deployments.started_at >= CAST($as_of AS TIMESTAMPTZ) THEN 'pending'
        ELSE 'running'
    END AS state,
    stuck.begun_at,
    stuck.known_until,
    stuck.elapsed_seconds,
    stuck.stuck,
    counted.ended,
    coalesce(longer.longer, 0) AS longer,
    coalesce(since.succeeded_since, 0) AS succeeded_since,
    since.last_succeeded_at,
    since.last_version,
    stuck.is_sample
FROM stuck
INNER JOIN raw.deployments USING (deployment_id, source)
LEFT JOIN longer USING (deployment_id, source)
LEFT JOIN since USING (deployment_id, source)
CROSS JOIN (SELECT count(*) AS ended FROM ended) AS counted
ORDER BY subject
