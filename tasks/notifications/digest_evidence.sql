SELECT * FROM alerts.alerts WHERE state IN ('firing', 'no_data', 'error') ORDER BY severity, rule, subject
