-- From where on episodes are to be found anew: from the start of the window of scores that were computed since the episodes were, or of
-- whatever episodes, following each other within an hour, it may belong to.
WITH changed AS (
    SELECT coalesce(min(window_start), $as_of) AS changed_at
    FROM ops.computations
    WHERE
        insight = 'anomaly_scores'
        AND computed_at > coalesce((SELECT max(computed_at) FROM ops.computations WHERE insight = 'anomalies'), '-infinity')
),

marked AS (
    SELECT
        started_at,
        ended_at,
        (started_at <= max(ended_at) OVER earlier + INTERVAL 1 HOUR) IS NOT TRUE AS is_first
    FROM insights.anomalies
    WINDOW earlier AS (ORDER BY started_at, ended_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),

islands AS (
    SELECT
        started_at,
        ended_at,
        count(*) FILTER (WHERE is_first) OVER (ORDER BY started_at, ended_at) AS island
    FROM marked
),

spans AS (
    SELECT
        min(started_at) AS started_at,
        max(ended_at) AS ended_at
    FROM islands
    GROUP BY island
)

SELECT least(changed_at, min(started_at))
FROM changed
LEFT JOIN spans ON started_at < changed_at AND ended_at + INTERVAL 1 HOUR >= changed_at
GROUP BY changed_at
