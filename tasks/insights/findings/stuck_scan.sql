-- The scans that are probably dead, with the last time that their record changed.
SELECT
    active.scan_id,
    active.source,
    active.subject,
    active.data_source,
    active.scan_type,
    active.status,
    coalesce(active.started_at, active.queued_at) AS since,
    active.elapsed_seconds,
    active.history_runs,
    active.usual_seconds,
    active.slow_seconds,
    active.dead_probability,
    active.evidence,
    known.changed_at,
    active.as_of,
    active.is_sample
FROM insights.active_scans AS active
LEFT JOIN scans_as_of(CAST($as_of AS TIMESTAMPTZ)) AS known ON known.scan_id = active.scan_id AND known.source = active.source
WHERE active.verdict = 'probably_dead'
ORDER BY active.subject
