SELECT *
FROM alerts.alerts SEMI JOIN asked USING (fingerprint)
WHERE state IN ('inactive', 'resolved', 'gone')
