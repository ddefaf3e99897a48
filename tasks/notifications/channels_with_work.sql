-- The channels that have rows of which something may become.
SELECT DISTINCT channel
FROM alerts.notifications LEFT JOIN alerts.alerts USING (fingerprint, episode)
WHERE
    status IN ('queued', 'failed', 'sending')
    OR (status = 'suppressed' AND reason_code IS DISTINCT FROM 'superseded' AND event NOT IN ('resolved', 'gone')
        AND list_contains($active, state))
    OR event = 'digest'
ORDER BY channel
