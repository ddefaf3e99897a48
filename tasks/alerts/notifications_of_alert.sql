SELECT notification_id, coalesce(queued_at, updated_at) AS queued_at, episode, event, channel, status, reason, attempts,
       next_attempt_at, sent_at, digest
FROM alerts.notifications WHERE fingerprint = $fingerprint ORDER BY coalesce(queued_at, updated_at), episode, channel, event
