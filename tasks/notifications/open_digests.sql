-- The digests of a channel whose end was not told yet.
SELECT * FROM alerts.notifications AS digests
WHERE channel = $channel AND event = 'digest' AND NOT EXISTS (
  SELECT 1 FROM alerts.notifications AS ends
  WHERE ends.fingerprint = digests.fingerprint AND ends.channel = digests.channel AND ends.event = 'resolved')
