SELECT * FROM alerts.silences
WHERE ended_at IS NULL
  AND coalesce(expires_at > (SELECT max(updated_at) FROM alerts.alerts) - INTERVAL 1 DAY, true)
  AND (kind <> 'ack' OR EXISTS (
    FROM alerts.alerts WHERE alerts.fingerprint = silences.fingerprint AND silences.episode >= alerts.episode - 1))
ORDER BY created_at, silence_id
