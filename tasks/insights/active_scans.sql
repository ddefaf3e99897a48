-- Scans that had not ended at $as_of, as they stood then.
WITH known AS (
    SELECT
        *,
        -- The status decides whether a scan ended; one that does not say when ended at its last change, at the latest.
        CASE WHEN status IN ('succeeded', 'failed', 'canceled') THEN coalesce(finished_at, updated_at) END AS ended_at,
        -- Without any instant it is known from its last change on.
        coalesce(queued_at, started_at, updated_at) AS appeared_at,
        started_at < $as_of OR (started_at IS NULL AND status = 'running') AS has_started
    FROM raw.scans
    WHERE NOT is_deleted
)
SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    scan_id,
    name,
    data_source,
    scan_type,
    CASE WHEN has_started THEN 'running' ELSE 'queued' END AS status,
    queued_at,
    CASE WHEN has_started THEN started_at END AS started_at,
    epoch(CAST($as_of AS TIMESTAMPTZ) - CASE WHEN has_started THEN coalesce(started_at, queued_at) ELSE queued_at END)
        AS elapsed_seconds,
    triggered_by,
    source IS NOT DISTINCT FROM 'sample' AS is_sample
FROM known
WHERE appeared_at < $as_of AND (ended_at IS NULL OR ended_at >= $as_of)
ORDER BY elapsed_seconds DESC NULLS LAST, scan_id
