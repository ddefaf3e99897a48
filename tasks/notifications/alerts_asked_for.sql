SELECT fingerprint, rule, subject, CAST(coalesce(labels, '{}') AS MAP(VARCHAR, VARCHAR)) AS labels, severity, state, episode
FROM alerts.alerts SEMI JOIN asked USING (fingerprint)
