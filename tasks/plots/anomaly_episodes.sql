-- The hosts with an episode that lasts or ended since $recent, the worst $hosts of them, each with its episodes since $since. A host's
-- bins are wide enough for two of its samples, so that a sample that comes a little late is no gap.
WITH chosen AS (
    SELECT
        host,
        row_number() OVER (ORDER BY bool_or(severity = 'critical') DESC, max(peak / threshold) DESC NULLS LAST, host) AS place
    FROM insights.anomalies
    WHERE severity <> 'note' AND ended_at >= $recent AND started_at < $as_of
    GROUP BY host
    QUALIFY place <= $hosts
)

SELECT
    place,
    host,
    started_at,
    ended_at,
    is_ongoing AND anomalies.as_of = $as_of AS is_ongoing,
    severity,
    peak,
    peak_at,
    threshold,
    top_metrics,
    10 * CAST(greatest(1, ceil(coalesce(step_minutes, 1) / 5)) AS BIGINT) AS bin_minutes
FROM insights.anomalies AS anomalies
INNER JOIN chosen USING (host)
LEFT JOIN ops.anomaly_models USING (host)
WHERE severity <> 'note' AND ended_at >= $since AND started_at < $as_of
ORDER BY place, started_at
