-- The episodes of the alerts asked for that are in a digest of a channel.
SELECT fingerprint, episode, max(digest)
FROM alerts.notifications SEMI JOIN asked USING (fingerprint)
WHERE channel = $channel AND status = 'suppressed' AND digest IS NOT NULL
GROUP BY ALL
