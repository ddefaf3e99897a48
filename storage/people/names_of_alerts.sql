SELECT fingerprint, rule, subject, coalesce(labels, '{}') FROM alerts.alerts
