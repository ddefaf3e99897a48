-- The episodes of the alerts asked for of which a channel was told, or may have been: a row that is being sent while its channel is
-- free belonged to one that died.
SELECT fingerprint, episode, max(sent_at) AS told_at
FROM alerts.notifications SEMI JOIN asked USING (fingerprint)
WHERE channel = $channel AND (status IN ('sent', 'sending') OR is_maybe_received) AND event NOT IN ('resolved', 'gone')
GROUP BY ALL
