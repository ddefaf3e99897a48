SELECT
    transitions.fingerprint,
    transitions.rule,
    transitions.subject,
    transitions.severity,
    alerts.labels,
    transitions.event,
    transitions.transitioned_at AS at
FROM alerts.transitions
LEFT JOIN alerts.alerts USING (fingerprint)
WHERE transitions.transitioned_at >= $since AND transitions.event NOT IN ('resolved', 'gone')
ORDER BY transitions.transitioned_at, transitions.transition_id
