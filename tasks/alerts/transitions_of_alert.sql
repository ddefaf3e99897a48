SELECT transitioned_at, episode, from_state, to_state, severity, value, event, reason
FROM alerts.transitions WHERE fingerprint = $fingerprint ORDER BY transitioned_at, episode
