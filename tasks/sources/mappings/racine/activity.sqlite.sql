-- Acts, API calls and database queries of racine: racine_activities -> raw.activity.
-- Of activity_data, which may hold anything, only the five keys below are read.
SELECT
    activity_id,
    user_id,
    workspace_id,
    activity_type,
    action,
    domain,
    resource_type,
    resource_id,
    operation,
    item_count,
    domain_count,
    -- initiated has begun; suspended is paused and may go on: neither has ended, so both are running. timeout ended without
    -- a result, so it failed. A word that is not listed passes through in lower case, so that the contract rejects the row.
    CASE word
        WHEN 'initiated' THEN 'running'
        WHEN 'in_progress' THEN 'running'
        WHEN 'suspended' THEN 'running'
        WHEN 'completed' THEN 'succeeded'
        WHEN 'timeout' THEN 'failed'
        WHEN 'cancelled' THEN 'canceled'
        ELSE word
    END AS status,
    duration_seconds,
    coalesce(started_at, created_at) AS occurred_at,
    -- There is no change column, so the change instant is the greatest of those that there are; see deployments.sqlite.sql.
    CASE
        WHEN coalesce(completed_at, '') >= coalesce(started_at, '')
            AND coalesce(completed_at, '') >= coalesce(created_at, '') THEN completed_at
        WHEN coalesce(started_at, '') >= coalesce(created_at, '') THEN started_at
        ELSE created_at
    END AS updated_at
FROM (
    SELECT
        id AS activity_id,
        user_id AS user_id,
        activity_data ->> 'workspace_id' AS workspace_id,
        lower(CAST(activity_type AS TEXT)) AS activity_type,
        coalesce(activity_data ->> 'action', activity_name) AS action,
        CAST(primary_group AS TEXT) AS domain,
        activity_data ->> 'resource_type' AS resource_type,
        CAST(activity_data ->> 'resource_id' AS TEXT) AS resource_id,
        -- An API call is known by its endpoint, a database query by its name.
        CASE
            WHEN api_endpoint IS NOT NULL THEN coalesce(http_method || ' ', '') || api_endpoint
            WHEN lower(CAST(activity_type AS TEXT)) = 'data_access' THEN activity_name
        END AS operation,
        -- Text, because the key may hold anything: the contract makes the number or rejects the row.
        CAST(activity_data ->> 'item_count' AS TEXT) AS item_count,
        -- One act may concern several groups at once; one that names none, or no list, concerns its own.
        CASE
            WHEN ltrim(CAST(involved_groups AS TEXT)) LIKE '[%' AND json_array_length(involved_groups) > 1
                THEN json_array_length(involved_groups)
            ELSE 1
        END AS domain_count,
        lower(CAST(status AS TEXT)) AS word,
        execution_time_ms / 1000.0 AS duration_seconds,
        CAST(created_at AS TEXT) AS created_at,
        CAST(started_at AS TEXT) AS started_at,
        CAST(completed_at AS TEXT) AS completed_at
    FROM racine_activities
) AS acts
