-- How a channel fares: what it took in the last minute, and its failures since it last took anything.
SELECT count(*) FILTER (sent_at > $now - INTERVAL 1 MINUTE AND sent_at <= $now) AS sent_in_minute,
       min(sent_at) FILTER (sent_at > $now - INTERVAL 1 MINUTE AND sent_at <= $now) AS first_in_minute,
       max(sent_at) AS last_sent_at
FROM alerts.notifications WHERE channel = $channel
