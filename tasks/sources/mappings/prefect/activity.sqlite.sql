-- State changes of the flow runs of a Prefect 3 server: flow_run_state, flow_run, flow, deployment -> raw.activity.
SELECT
    s.id AS activity_id,
    -- Only Prefect Cloud knows users; a server of one's own says which schedule or automation made a run.
    CASE WHEN r.created_by ->> 'type' = 'USER' THEN r.created_by ->> 'id' END AS user_id,
    NULL AS workspace_id,
    'flow_run_state' AS activity_type,
    s.name AS action,
    coalesce(f.name, 'unknown') AS domain,
    'flow_run' AS resource_type,
    s.flow_run_id AS resource_id,
    coalesce(d.name, f.name) AS operation,
    1 AS item_count,
    1 AS domain_count,
    -- How the run ended, where this change ended it; any other change is an act that went through.
    CASE s.type
        WHEN 'FAILED' THEN 'failed'
        WHEN 'CRASHED' THEN 'failed'
        WHEN 'CANCELLED' THEN 'canceled'
        ELSE 'succeeded'
    END AS status,
    NULL AS duration_seconds,
    -- The server's own clock, also for a state that schedules a run for later: that instant is in its details only.
    s.timestamp AS occurred_at,
    -- A change is written once, right after its timestamp, so the row's own instant serves; Prefect has an index on it.
    s.updated AS updated_at
FROM flow_run_state AS s
LEFT JOIN flow_run AS r ON r.id = s.flow_run_id
LEFT JOIN flow AS f ON f.id = r.flow_id
LEFT JOIN deployment AS d ON d.id = r.deployment_id
