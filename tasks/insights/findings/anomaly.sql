-- Of each host the latest episode that ended within the hour before $as_of, or lasts, where it is far above the threshold or long; and how
-- many other hosts have such an episode at the same time.
WITH recent AS (
    SELECT *
    FROM insights.anomalies
    WHERE severity <> 'note' AND ended_at >= CAST($as_of AS TIMESTAMPTZ) - INTERVAL 1 HOUR AND (peak >= 1.5 * threshold OR minutes > 20)
    QUALIFY started_at = max(started_at) OVER (PARTITION BY host)
)

SELECT
    *,
    seconds_between(started_at, ended_at) + 60 AS seconds,
    (
        SELECT count(*) FROM recent AS other
        WHERE other.host <> recent.host AND other.started_at <= recent.ended_at AND other.ended_at >= recent.started_at
    ) AS others
FROM recent
ORDER BY host
