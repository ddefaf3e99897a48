-- Flow runs of a Prefect 3 server: flow_run, flow, deployment, flow_run_state -> raw.scans.
-- All timestamps are texts of one form, so that they compare as text.
SELECT
    r.id AS scan_id,
    r.name AS name,
    coalesce(f.name, 'unknown') AS data_source,
    -- A deployment may have been deleted; its runs still say that they had one.
    CASE WHEN r.deployment_id IS NULL THEN 'ad_hoc' ELSE coalesce(d.name, 'unknown') END AS scan_type,
    -- A run has no state for the moment between its making and its first one. A word that is not listed passes through in lower
    -- case, so that the contract rejects the row and says why.
    CASE coalesce(r.state_type, 'PENDING')
        WHEN 'SCHEDULED' THEN 'queued'
        WHEN 'PENDING' THEN 'queued'
        WHEN 'RUNNING' THEN 'running'
        WHEN 'PAUSED' THEN 'running'
        WHEN 'CANCELLING' THEN 'running'
        WHEN 'COMPLETED' THEN 'succeeded'
        WHEN 'FAILED' THEN 'failed'
        WHEN 'CRASHED' THEN 'failed'
        WHEN 'CANCELLED' THEN 'canceled'
        ELSE lower(r.state_type)
    END AS status,
    r.state_name AS source_status,
    r.queued_at AS queued_at,
    r.start_time AS started_at,
    r.end_time AS finished_at,
    NULL AS assets_scanned,
    NULL AS issues_found,
    -- The name of a schedule or automation; of a user, only the id. An address is not ours to read.
    CASE
        WHEN r.created_by ->> 'type' = 'USER' THEN r.created_by ->> 'id'
        WHEN r.created_by ->> 'display_value' LIKE '%@%' THEN NULL
        ELSE coalesce(
            r.created_by ->> 'display_value',
            lower(r.created_by ->> 'type'),
            CASE WHEN r.auto_scheduled THEN 'schedule' END
        )
    END AS triggered_by,
    s.message AS error_message,
    -- The row's own instant is cut to the millisecond, so it may lie before the state's. That a waiting run becomes due changes no
    -- column, though only then is it a scan.
    max(r.updated, coalesce(r.state_timestamp, ''), r.queued_at) AS updated_at,
    -- What takes it up.
    r.work_queue_name AS scanner
FROM (
    SELECT
        *,
        -- When it was due. A run that is started or canceled ahead of its time keeps it, but was queued by then at the latest.
        min(
            coalesce(expected_start_time, created),
            coalesce(next_scheduled_start_time, expected_start_time, created),
            coalesce(start_time, expected_start_time, created),
            coalesce(CASE WHEN state_type <> 'SCHEDULED' THEN state_timestamp END, expected_start_time, created)
        ) AS queued_at
    FROM flow_run
) AS r
LEFT JOIN flow AS f ON f.id = r.flow_id
LEFT JOIN deployment AS d ON d.id = r.deployment_id
LEFT JOIN flow_run_state AS s ON s.id = r.state_id AND r.state_type IN ('FAILED', 'CRASHED')
-- The scheduler makes runs days ahead: what is only planned is no scan yet.
WHERE r.queued_at <= strftime('%Y-%m-%d %H:%M:%f', 'now')
