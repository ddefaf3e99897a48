SELECT fingerprint, rule, subject, labels, state, severity, value, threshold, episode, pending_since, firing_since, resolved_at,
       updated_at, is_flapping, is_sample, reason, unit, member_count, members
FROM alerts.alerts
LEFT JOIN (SELECT fingerprint, arg_max(reason, transitioned_at) AS reason FROM alerts.transitions GROUP BY ALL) USING (fingerprint)
WHERE starts_with(fingerprint, $fingerprint)
ORDER BY list_contains($active, state) DESC, state = 'pending' DESC, severity = 'critical' DESC,
         CASE WHEN list_contains($active, state) THEN firing_since END, resolved_at DESC, rule, subject, labels
