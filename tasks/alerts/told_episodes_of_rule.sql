-- The episodes of a rule that began since then: how long each lasted, and how many notifications were sent of it.
WITH episodes AS (
    SELECT
        fingerprint,
        episode,
        min(transitioned_at) FILTER (WHERE to_state = 'firing') AS began_at,
        max(transitioned_at) FILTER (WHERE to_state IN ('resolved', 'gone')) AS ended_at
    FROM alerts.transitions
    WHERE rule = $rule AND transitioned_at > $since
    GROUP BY fingerprint, episode
),

sent AS (
    SELECT fingerprint, episode, count(*) AS sent
    FROM alerts.notifications
    WHERE status = 'sent' AND event != 'digest' AND queued_at > $since
    GROUP BY fingerprint, episode
)

SELECT epoch(ended_at - began_at) AS seconds, coalesce(sent, 0) AS sent
FROM episodes LEFT JOIN sent USING (fingerprint, episode)
WHERE began_at IS NOT NULL
ORDER BY began_at, fingerprint
