-- Per environment x service where deployments fail too often: the level that the success rate fell to, or the rate of the whole
-- window where it is low beyond doubt, and of the deployments since then what there is to look at and to do.
WITH fallen AS (
    SELECT *
    FROM insights.deployment_trends
    WHERE metric = 'success_rate' AND change = 'lower' AND level_after_high < 0.85
),

failing AS (
    SELECT *
    FROM insights.deployment_metrics
    WHERE environment <> 'all' AND service <> 'all' AND success_rate_exact_high < 0.8
),

-- Where it has risen to where nobody would complain, the low rate of the window is past.
places AS (
    SELECT
        environment,
        service,
        fallen.service IS NOT NULL AS is_fallen,
        trends.change,
        trends.changed_at,
        trends.level_before,
        trends.level_before_low,
        trends.level_before_high,
        trends.before,
        trends.level_after,
        trends.level_after_low,
        trends.level_after_high,
        trends.after,
        trends.change_q_value,
        failing.deployments,
        failing.success_rate,
        failing.success_rate_exact_low,
        failing.success_rate_exact_high,
        coalesce(trends.is_sample, failing.is_sample) AS is_sample
    FROM fallen
    FULL JOIN failing USING (environment, service)
    LEFT JOIN (SELECT * FROM insights.deployment_trends WHERE metric = 'success_rate') AS trends USING (environment, service)
    WHERE (trends.change = 'higher' AND trends.level_after_high >= 0.8) IS NOT TRUE
),

ended AS (
    SELECT
        environment,
        service,
        version,
        deployment_id,
        ended_at,
        status,
        status <> 'succeeded' AS is_failure,
        (is_fallen AND ended_at < changed_at) IS NOT TRUE AS is_since,
        max(ended_at) FILTER (WHERE status <> 'succeeded') OVER (PARTITION BY environment, service) AS last_failed_at
    FROM deployments_as_of(
        CAST($as_of AS TIMESTAMPTZ),
        CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)),
        $gap_seconds,
        CAST($environments AS MAP(VARCHAR, VARCHAR))
    )
    INNER JOIN places USING (environment, service)
    WHERE status IN ('succeeded', 'failed', 'rolled_back')
),

failures AS (
    SELECT
        environment,
        service,
        count(*) FILTER (WHERE is_failure AND is_since) AS failures,
        min(ended_at) FILTER (WHERE is_failure AND is_since) AS first_failed_at,
        max(last_failed_at) AS last_failed_at,
        list(deployment_id ORDER BY ended_at DESC, deployment_id) FILTER (WHERE is_failure AND is_since)[1:5] AS failed_ids,
        count(*) FILTER (WHERE ended_at > last_failed_at) AS successes_since,
        max(ended_at) FILTER (WHERE NOT is_failure) AS last_succeeded_at
    FROM ended
    GROUP BY environment, service
),

versions AS (
    SELECT
        environment,
        service,
        version,
        count(*) AS failures,
        max(ended_at) AS last_failed_at,
        arg_max(status, (ended_at, deployment_id)) = 'rolled_back' AS is_rolled_back
    FROM ended
    WHERE is_failure AND is_since
    GROUP BY environment, service, version
),

failed_versions AS (
    SELECT
        environment,
        service,
        list(version ORDER BY last_failed_at DESC, version)[1:3] AS failed_versions,
        first(struct_pack(version := version, failures := failures, is_rolled_back := is_rolled_back)
            ORDER BY last_failed_at DESC, version) AS newest
    FROM versions
    GROUP BY environment, service
),

-- What could be gone back to.
sound AS (
    SELECT
        environment,
        service,
        first(struct_pack(version := ended.version, ended_at := ended.ended_at)
            ORDER BY ended.ended_at DESC, ended.deployment_id DESC) AS sound
    FROM ended
    INNER JOIN failed_versions USING (environment, service)
    WHERE NOT ended.is_failure AND ended.version <> failed_versions.newest.version
    GROUP BY environment, service
)

SELECT *, CAST($as_of AS TIMESTAMPTZ) AS as_of, CAST($window_days AS BIGINT) AS window_days
FROM places
LEFT JOIN failures USING (environment, service)
LEFT JOIN failed_versions USING (environment, service)
LEFT JOIN sound USING (environment, service)
ORDER BY environment, service
