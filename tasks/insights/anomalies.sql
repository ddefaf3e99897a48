-- Episodes of the anomalous minutes in [$window_start, $as_of): one goes on with the one before it if that lies at most 10 minutes
-- back, or, of a host that is sampled less often, a sample.
WITH anomalous AS (
    SELECT
        scores.*,
        greatest(600, 60 * coalesce(step_minutes, 1)) AS reach,
        lag(observed_at) OVER (PARTITION BY host ORDER BY observed_at) AS before_at
    FROM insights.anomaly_scores AS scores
    LEFT JOIN ops.anomaly_models USING (host)
    WHERE is_anomalous AND observed_at >= $window_start AND observed_at < $as_of
),

numbered AS (
    SELECT
        *,
        count(*) FILTER (WHERE (seconds_between(before_at, observed_at) <= reach) IS NOT TRUE)
            OVER (PARTITION BY host ORDER BY observed_at) AS episode
    FROM anomalous
),

episodes AS (
    SELECT
        host,
        episode,
        min(observed_at) AS started_at,
        max(observed_at) AS ended_at,
        count(*) AS minutes,
        avg(coverage ORDER BY observed_at) AS coverage,
        max(score) AS peak,
        arg_max(struct_pack(observed_at, threshold, strands), (score, -epoch_us(observed_at))) AS at_peak,
        max(reach) AS reach
    FROM numbered
    GROUP BY ALL
),

named AS (
    SELECT
        host,
        episode,
        unnest(from_json(top_metrics, '[{"metric": "VARCHAR", "attributes": "VARCHAR", "contribution": "DOUBLE"}]'), max_depth := 2)
    FROM numbered
),

worst AS (
    SELECT
        host,
        episode,
        metric,
        attributes,
        max(contribution) AS contribution
    FROM named
    GROUP BY ALL
),

guilty AS (
    SELECT
        host,
        episode,
        list(struct_pack(metric, attributes, contribution) ORDER BY contribution DESC, metric, attributes)[1:5] AS top_metrics
    FROM worst
    GROUP BY ALL
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    host,
    started_at,
    ended_at,
    seconds_between(ended_at, CAST($as_of AS TIMESTAMPTZ)) <= reach AS is_ongoing,
    minutes,
    coverage,
    peak,
    at_peak.observed_at AS peak_at,
    at_peak.threshold AS threshold,
    CASE WHEN peak >= 2 * at_peak.threshold THEN 'critical' ELSE 'warning' END AS severity,
    CAST(to_json(coalesce(top_metrics, [])) AS VARCHAR) AS top_metrics,
    at_peak.strands AS strands
FROM episodes
LEFT JOIN guilty USING (host, episode)
ORDER BY host, started_at
