-- The rows of a channel that something may become of: open ones, and suppressed ones whose episode lasts.
SELECT notifications.*
FROM alerts.notifications
LEFT JOIN alerts.alerts USING (fingerprint, episode)
WHERE channel = $channel AND (
  status IN ('queued', 'failed', 'sending')
  OR status = 'suppressed' AND reason_code IS DISTINCT FROM 'superseded'
    AND event NOT IN ('resolved', 'gone')
    AND alerts.state IN ('firing', 'recovering', 'no_data', 'error'))
