-- One row per rule, team and whether it is the sample's: the episodes of the window that somebody was told of, and what came of them.
WITH moments AS (
    SELECT CAST($as_of AS TIMESTAMPTZ) AS until, CAST($as_of AS TIMESTAMPTZ) - INTERVAL 28 DAY AS since
),

digests AS (
    SELECT DISTINCT fingerprint AS digest
    FROM alerts.notifications, moments
    WHERE event = 'digest' AND status = 'sent' AND queued_at > since AND queued_at <= until
),

told AS (
    SELECT
        notifications.fingerprint,
        notifications.episode,
        count(*) FILTER (WHERE status = 'sent') AS notifications,
        count(*) FILTER (
            WHERE status = 'sent' AND (hour(timezone($zone, sent_at)) >= 22 OR hour(timezone($zone, sent_at)) < 6)
        ) AS night_notifications,
        coalesce(bool_or(status = 'sent' OR digests.digest IS NOT NULL) FILTER (WHERE event NOT IN ('resolved', 'gone')), false) AS is_told,
        coalesce(bool_or(reason_code = 'silenced'), false) AS is_silenced
    FROM moments, alerts.notifications
    LEFT JOIN digests ON notifications.digest = digests.digest
    WHERE event != 'digest' AND queued_at > since AND queued_at <= until
    GROUP BY notifications.fingerprint, notifications.episode
),

episodes AS (
    SELECT
        fingerprint,
        episode,
        min(transitioned_at) FILTER (WHERE to_state = 'firing') AS began_at,
        max(transitioned_at) FILTER (WHERE to_state IN ('resolved', 'gone')) AS ended_at,
        coalesce(bool_or(to_state = 'resolved'), false) AS is_resolved,
        coalesce(bool_or(event = 'flapping'), false) AS is_flapping
    FROM alerts.transitions, moments
    WHERE transitioned_at > since AND transitioned_at <= until
    GROUP BY fingerprint, episode
),

acks AS (
    SELECT DISTINCT fingerprint, episode FROM alerts.silences, moments WHERE kind = 'ack' AND created_at <= until
),

judged AS (
    SELECT
        alerts.rule,
        coalesce(alerts.labels ->> 'team', '') AS team,
        coalesce(alerts.is_sample, false) AS is_sample,
        told.notifications,
        told.night_notifications,
        episodes.is_flapping,
        acks.fingerprint IS NOT NULL OR told.is_silenced AS is_acted,
        episodes.is_resolved,
        seconds_between(episodes.began_at, episodes.ended_at) AS seconds
    FROM episodes
    INNER JOIN told USING (fingerprint, episode)
    INNER JOIN alerts.alerts USING (fingerprint)
    LEFT JOIN acks USING (fingerprint, episode)
    WHERE told.is_told AND episodes.began_at IS NOT NULL
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    28 AS window_days,
    rule,
    team,
    is_sample,
    count(*) AS episodes,
    CAST(sum(notifications) AS BIGINT) AS notifications,
    CAST(sum(night_notifications) AS BIGINT) AS night_notifications,
    count(*) FILTER (WHERE is_acted) AS acted,
    count(*) FILTER (WHERE NOT is_acted AND is_resolved AND seconds <= 600) AS brief,
    count(*) FILTER (WHERE is_flapping) AS flapping,
    CAST(coalesce(sum(notifications) FILTER (WHERE NOT is_acted), 0) AS BIGINT) AS idle_notifications,
    list(seconds ORDER BY seconds) FILTER (WHERE seconds IS NOT NULL) AS durations
FROM judged
GROUP BY rule, team, is_sample
ORDER BY idle_notifications DESC, rule, team, is_sample
