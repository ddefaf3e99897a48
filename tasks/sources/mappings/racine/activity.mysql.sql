-- Acts, API calls and database queries of racine: racine_activities -> raw.activity.
-- Of activity_data, which may hold anything, only the five keys below are read.
SELECT
    a.id AS activity_id,
    a.user_id AS user_id,
    CASE WHEN json_type(a.workspace_id) <> 'NULL' THEN json_unquote(a.workspace_id) END AS workspace_id,
    a.kind AS activity_type,
    coalesce(CASE WHEN json_type(a.verb) <> 'NULL' THEN json_unquote(a.verb) END, a.activity_name) AS action,
    a.primary_group AS domain,
    CASE WHEN json_type(a.resource_type) <> 'NULL' THEN json_unquote(a.resource_type) END AS resource_type,
    CASE WHEN json_type(a.resource_id) <> 'NULL' THEN json_unquote(a.resource_id) END AS resource_id,
    -- An API call is known by its endpoint, a database query by its name.
    CASE
        WHEN a.api_endpoint IS NOT NULL THEN concat(coalesce(concat(a.http_method, ' '), ''), a.api_endpoint)
        WHEN a.kind = 'data_access' THEN a.activity_name
    END AS operation,
    -- Text, because the key may hold anything: the contract makes the number or rejects the row.
    CASE WHEN json_type(a.item_count) <> 'NULL' THEN json_unquote(a.item_count) END AS item_count,
    -- One act may concern several groups at once; one that names none, or no list, concerns its own.
    CASE WHEN json_type(a.several) = 'ARRAY' AND json_length(a.several) > 1 THEN json_length(a.several) ELSE 1 END AS domain_count,
    -- initiated has begun; suspended is paused and may go on: neither has ended, so both are running. timeout ended without
    -- a result, so it failed. A word that is not listed passes through in lower case, so that the contract rejects the row.
    CASE a.word
        WHEN 'initiated' THEN 'running'
        WHEN 'in_progress' THEN 'running'
        WHEN 'suspended' THEN 'running'
        WHEN 'completed' THEN 'succeeded'
        WHEN 'timeout' THEN 'failed'
        WHEN 'cancelled' THEN 'canceled'
        ELSE a.word
    END AS status,
    a.execution_time_ms / 1000.0 AS duration_seconds,
    coalesce(a.started_at, a.created_at) AS occurred_at,
    -- There is no change column, so the change instant is the greatest of those that there are; greatest is NULL when one is.
    greatest(
        coalesce(a.created_at, a.started_at, a.completed_at),
        coalesce(a.started_at, a.created_at, a.completed_at),
        coalesce(a.completed_at, a.created_at, a.started_at)
    ) AS updated_at
FROM (
    SELECT
        id,
        user_id,
        activity_name,
        api_endpoint,
        http_method,
        primary_group,
        execution_time_ms,
        created_at,
        started_at,
        completed_at,
        lower(activity_type) AS kind,
        lower(status) AS word,
        -- In a column of text, what is no JSON would be an error in MySQL: such an act counts without its data.
        CASE WHEN json_valid(activity_data) THEN json_extract(activity_data, '$.workspace_id') END AS workspace_id,
        CASE WHEN json_valid(activity_data) THEN json_extract(activity_data, '$.action') END AS verb,
        CASE WHEN json_valid(activity_data) THEN json_extract(activity_data, '$.resource_type') END AS resource_type,
        CASE WHEN json_valid(activity_data) THEN json_extract(activity_data, '$.resource_id') END AS resource_id,
        CASE WHEN json_valid(activity_data) THEN json_extract(activity_data, '$.item_count') END AS item_count,
        CASE WHEN json_valid(involved_groups) THEN involved_groups END AS several
    FROM racine_activities
) AS a
