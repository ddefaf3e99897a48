-- Until when it is known how the scans of each source stood: the last time that it was read, where anybody says when that was. An
-- extraction reads the newest rows again each time, so that this moves though nothing changes.
CREATE OR REPLACE TEMP MACRO scans_known_until(as_of) AS TABLE
SELECT source, least(as_of, coalesce(seen_at, as_of)) AS known_until
FROM (SELECT source, max(extracted_at) FILTER (WHERE extracted_at > updated_at) AS seen_at FROM raw.scans GROUP BY source);

-- Scans as they stood at `as_of`: what had not appeared by then is left out, what ended later has not ended. `outdated_reason` says why
-- the newest state of a scan was refused: what is here is not how it stands.
CREATE OR REPLACE TEMP MACRO scans_as_of(as_of) AS TABLE
SELECT
    scan_id,
    source,
    name,
    data_source,
    scan_type,
    CASE WHEN ended_at IS NOT NULL THEN status WHEN has_started THEN 'running' ELSE 'queued' END AS status,
    queued_at,
    CASE WHEN has_started THEN started_at END AS started_at,
    ended_at,
    seconds_between(queued_at, CASE WHEN has_started THEN started_at END) AS queue_seconds,
    CASE WHEN finished_at IS NOT NULL THEN seconds_between(started_at, ended_at) END AS run_seconds,
    assets_scanned,
    error_message,
    triggered_by,
    CASE WHEN updated_at < as_of THEN updated_at END AS changed_at,
    known_until,
    outdated_reason,
    source = 'sample' AS is_sample
FROM (
    SELECT
        *,
        -- The status decides whether a scan ended; one that does not say when ended at its last change, at the latest.
        CASE
            WHEN status IN ('succeeded', 'failed', 'canceled') AND coalesce(finished_at, updated_at) < as_of
                THEN coalesce(finished_at, updated_at)
        END AS ended_at,
        -- Without any instant it is known from its last change on.
        coalesce(queued_at, started_at, updated_at) AS appeared_at,
        coalesce(started_at < as_of, status = 'running') AS has_started
    FROM raw.scans
    WHERE NOT is_deleted
)
INNER JOIN scans_known_until(as_of) USING (source)
LEFT JOIN (SELECT key AS scan_id, source, outdated_reason FROM outdated_rows('scans', as_of)) USING (scan_id, source)
WHERE appeared_at < as_of
