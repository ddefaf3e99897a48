-- Episodes of the anomalous minutes in [$window_start, $as_of), of the usual ones and of the others: one goes on with the one of its kind
-- before it if that lies at most 10 minutes back, or, of a host that is sampled less often, a sample. What is not usual is as large as
-- what the calendar leaves of it.
WITH anomalous AS (
    SELECT
        scores.* REPLACE (
            CASE WHEN is_usual IS TRUE THEN score ELSE coalesce(calendar_score, score) END AS score,
            is_usual IS TRUE AS is_usual
        ),
        greatest(600, 60 * coalesce(step_minutes, 1)) AS reach,
        lag(observed_at) OVER (PARTITION BY host, is_usual IS TRUE ORDER BY observed_at) AS before_at
    FROM insights.anomaly_scores AS scores
    LEFT JOIN ops.anomaly_models USING (host)
    WHERE is_anomalous AND observed_at >= $window_start AND observed_at < $as_of
),

numbered AS (
    SELECT
        *,
        count(*) FILTER (WHERE (seconds_between(before_at, observed_at) <= reach) IS NOT TRUE)
            OVER (PARTITION BY host, is_usual ORDER BY observed_at) AS episode
    FROM anomalous
),

episodes AS (
    SELECT
        host,
        is_usual,
        episode,
        min(observed_at) AS started_at,
        max(observed_at) AS ended_at,
        count(*) AS minutes,
        avg(coverage ORDER BY observed_at) AS coverage,
        max(score) AS peak,
        arg_max(
            struct_pack(observed_at, threshold, strands, comes_each, times, times_of), (score, -epoch_us(observed_at))
        ) AS at_peak,
        max(reach) AS reach,
        coalesce(bool_and(is_slight), false) AS is_slight
    FROM numbered
    GROUP BY ALL
),

named AS (
    SELECT
        host,
        is_usual,
        episode,
        unnest(from_json(top_metrics, '[{"metric": "VARCHAR", "attributes": "VARCHAR", "contribution": "DOUBLE"}]'), max_depth := 2)
    FROM numbered
),

worst AS (
    SELECT
        host,
        is_usual,
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
        is_usual,
        episode,
        list(struct_pack(metric, attributes, contribution) ORDER BY contribution DESC, metric, attributes)[1:5] AS top_metrics
    FROM worst
    GROUP BY ALL
),

-- Of earlier episodes of a host, those that the calendar does not explain, to tell how rare the size is.
sizes AS (
    SELECT
        host,
        started_at,
        peak
    FROM episodes
    WHERE NOT is_usual
    UNION ALL
    SELECT
        host,
        started_at,
        peak
    FROM insights.anomalies
    WHERE is_usual IS NOT TRUE AND started_at < $window_start
),

ranked AS (
    SELECT
        *,
        (
            SELECT count(*) FROM sizes
            WHERE
                sizes.host = episodes.host AND sizes.started_at < episodes.started_at AND sizes.peak >= episodes.peak
                AND sizes.started_at >= episodes.started_at - INTERVAL 30 DAY
        ) AS as_large
    FROM episodes
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
    CASE
        WHEN is_usual OR is_slight THEN 'note'
        WHEN peak >= 2 * at_peak.threshold AND as_large < 3 THEN 'critical'
        ELSE 'warning'
    END AS severity,
    CAST(to_json(coalesce(top_metrics, [])) AS VARCHAR) AS top_metrics,
    at_peak.strands AS strands,
    is_usual,
    CASE
        WHEN is_usual THEN
            'came ' || CASE WHEN at_peak.comes_each = 'day' THEN 'on ' ELSE 'in ' END
            || CASE WHEN at_peak.times = at_peak.times_of THEN 'each' ELSE CAST(at_peak.times AS VARCHAR) END
            || ' of the last ' || at_peak.times_of || ' ' || at_peak.comes_each || 's'
            || CASE at_peak.comes_each
                WHEN 'hour' THEN ' at about the same minute'
                WHEN 'day' THEN strftime(started_at, ' at about %H:%M UTC')
                ELSE strftime(started_at, ' on such a day at about %H:%M UTC')
            END
    END AS usual_because,
    as_large,
    2 AS definition
FROM ranked
LEFT JOIN guilty USING (host, is_usual, episode)
ORDER BY host, started_at
