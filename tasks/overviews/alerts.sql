SELECT severity, rule, subject, state, value, reason, firing_since, is_sample
FROM alerts.alerts
JOIN (SELECT fingerprint, arg_max(reason, transitioned_at) AS reason FROM alerts.transitions GROUP BY ALL) USING (fingerprint)
WHERE state IN ('firing', 'recovering', 'no_data', 'error')
ORDER BY severity, rule, firing_since, subject
