-- The episodes of the alerts asked for of which a channel was told, or may have been.
SELECT DISTINCT fingerprint, episode
FROM alerts.notifications SEMI JOIN asked USING (fingerprint)
WHERE channel = $channel AND (status = 'sent' OR is_maybe_received) AND event <> 'resolved'
