-- Scans that have missed a limit of your own, or are likelier to miss it than not.
SELECT
    limits.subject,
    limits.data_source,
    limits.scan_type,
    limits.kind,
    limits.scan_id,
    limits.state,
    limits.verdict,
    limits.miss_probability,
    limits.due_at,
    limits.longest_seconds,
    limits.started_at AS run_started_at,
    limits.history_runs,
    limits.evidence,
    limits.is_sample,
    CASE
        WHEN limits.verdict = 'missed' AND limits.kind = 'done_by' THEN limits.due_at
        WHEN limits.verdict = 'missed' THEN limits.started_at + to_microseconds(CAST(round(limits.longest_seconds * 1e6) AS BIGINT))
        ELSE coalesce(limits.started_at, limits.asked_at, limits.due_at - INTERVAL 24 HOUR)
    END AS since
FROM insights.scan_limits AS limits
WHERE limits.verdict IN ('missed', 'at_risk')
ORDER BY limits.subject
