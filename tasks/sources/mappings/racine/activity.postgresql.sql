-- Acts, API calls and database queries of racine: racine_activities -> raw.activity.
-- Of activity_data, which may hold anything, only the five keys below are read.
SELECT
    a.id AS activity_id,
    a.user_id AS user_id,
    o.data ->> 'workspace_id' AS workspace_id,
    o.kind AS activity_type,
    coalesce(o.data ->> 'action', a.activity_name) AS action,
    a.primary_group::text AS domain,
    o.data ->> 'resource_type' AS resource_type,
    o.data ->> 'resource_id' AS resource_id,
    -- An API call is known by its endpoint, a database query by its name.
    CASE
        WHEN a.api_endpoint IS NOT NULL THEN coalesce(a.http_method || ' ', '') || a.api_endpoint
        WHEN o.kind = 'data_access' THEN a.activity_name
    END AS operation,
    -- Text, because the key may hold anything: the contract makes the number or rejects the row.
    o.data ->> 'item_count' AS item_count,
    -- One act may concern several groups at once; one that names none, or no list, concerns its own. `-> 1` is there for json and
    -- jsonb alike, and NULL for all but a list of two or more.
    CASE WHEN a.involved_groups -> 1 IS NOT NULL THEN json_array_length(a.involved_groups::json) ELSE 1 END AS domain_count,
    -- initiated has begun; suspended is paused and may go on: neither has ended, so both are running. timeout ended without
    -- a result, so it failed. A word that is not listed passes through in lower case, so that the contract rejects the row.
    CASE o.word
        WHEN 'initiated' THEN 'running'
        WHEN 'in_progress' THEN 'running'
        WHEN 'suspended' THEN 'running'
        WHEN 'completed' THEN 'succeeded'
        WHEN 'timeout' THEN 'failed'
        WHEN 'cancelled' THEN 'canceled'
        ELSE o.word
    END AS status,
    a.execution_time_ms / 1000.0::float8 AS duration_seconds,
    coalesce(a.started_at, a.created_at) AS occurred_at,
    -- There is no change column, so the change instant is the greatest of those that there are.
    greatest(a.created_at, a.started_at, a.completed_at) AS updated_at
FROM racine_activities AS a
CROSS JOIN LATERAL (
    SELECT
        lower(a.activity_type::text) AS kind,
        lower(a.status::text) AS word,
        -- A json column may hold what PostgreSQL itself cannot read, \u0000 and half a surrogate pair, and one such act would end
        -- the extraction: it counts without its data. jsonb never does, and need not be looked through.
        CASE
            WHEN pg_typeof(a.activity_data) = 'jsonb'::regtype
                OR strpos(a.activity_data::text, '\u') = 0
                OR a.activity_data::text ~* '^([^\\]|\\[^u]|\\u(?!0000|d[89a-f])|\\ud[89ab]..\\ud[c-f])*$'
            THEN a.activity_data::jsonb
        END AS data
    -- Keeps the planner from copying these expressions to each place that names them: five readings of the same JSON.
    OFFSET 0  -- noqa
) AS o
