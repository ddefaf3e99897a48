-- The message by which a channel was last told of each episode that goes on.
SELECT arg_max(message, queued_at)
FROM alerts.notifications INNER JOIN alerts.alerts USING (fingerprint, episode)
WHERE
    channel = $channel
    AND status = 'sent'
    AND event != 'digest'
    AND alerts.state IN ('firing', 'recovering', 'no_data', 'error')
GROUP BY fingerprint, episode
HAVING NOT list_contains(['resolved', 'gone'], arg_max(event, queued_at))
ORDER BY fingerprint, episode
