-- Deployment attempts of racine: version_deployments, data_source_versions, datasource -> raw.deployments.
-- Timestamps leave as the source's text, in the server's local time; mapping.toml says so.
SELECT
    deployment_id,
    service,
    version,
    environment,
    status,
    source_status,
    committed_at,
    started_at,
    finished_at,
    deployed_by,
    is_rollback,
    is_hotfix,
    -- There is no change column, so the change instant is the greatest of those that there are. SQLite's max(a, b) is NULL when
    -- one is NULL, hence the comparisons.
    CASE
        WHEN coalesce(finished_at, '') >= coalesce(started_at, '')
            AND coalesce(finished_at, '') >= coalesce(committed_at, '')
            AND coalesce(finished_at, '') >= coalesce(rolled_back_at, '') THEN finished_at
        WHEN coalesce(started_at, '') >= coalesce(committed_at, '')
            AND coalesce(started_at, '') >= coalesce(rolled_back_at, '') THEN started_at
        WHEN coalesce(committed_at, '') >= coalesce(rolled_back_at, '') THEN committed_at
        ELSE rolled_back_at
    END AS updated_at
FROM (
    SELECT
        a.deployment_id,
        a.service,
        a.version,
        a.environment,
        -- A deployment that went out and was taken back again counts as rolled back. racine says so only on the version: its
        -- status becomes `rollback`, while the attempt stays completed. The rollback itself did what it should: it succeeded.
        -- A word that is not listed passes through in lower case, so that the contract rejects the row and says why.
        CASE
            WHEN a.word = 'completed' AND a.is_taken_back = 1 THEN 'rolled_back'
            WHEN a.word = 'completed' THEN 'succeeded'
            WHEN a.word = 'in_progress' THEN 'running'
            WHEN a.word = 'cancelled' THEN 'canceled'
            ELSE a.word
        END AS status,
        a.source_status,
        a.committed_at,
        a.started_at,
        a.finished_at,
        a.deployed_by,
        a.deployment_type = 'rollback' AS is_rollback,
        a.deployment_type = 'hotfix' AS is_hotfix,
        -- The version's change is also the attempt's, or an incremental extraction would not see it rolled back.
        CASE WHEN a.word = 'completed' AND a.is_taken_back = 1 THEN a.version_updated_at END AS rolled_back_at
    FROM (
        SELECT
            CAST(p.id AS TEXT) AS deployment_id,
            -- The version or its data source may have been deleted, and the environment may be missing; the attempt still counts.
            coalesce(d.name, 'unknown') AS service,
            v.version AS version,
            coalesce(nullif(lower(CAST(d.environment AS TEXT)), ''), 'unknown') AS environment,
            lower(CAST(p.status AS TEXT)) AS word,
            CAST(p.status AS TEXT) AS source_status,
            CAST(v.created_at AS TEXT) AS committed_at,
            CAST(p.started_at AS TEXT) AS started_at,
            CAST(p.completed_at AS TEXT) AS finished_at,
            -- Free text. An address that somebody typed in is not ours to read.
            CASE WHEN p.deployed_by NOT LIKE '%@%' THEN p.deployed_by END AS deployed_by,
            lower(CAST(p.deployment_type AS TEXT)) AS deployment_type,
            CASE
                WHEN lower(CAST(v.status AS TEXT)) = 'rollback' AND lower(CAST(p.deployment_type AS TEXT)) <> 'rollback' THEN 1
                ELSE 0
            END AS is_taken_back,
            CAST(v.updated_at AS TEXT) AS version_updated_at
        FROM version_deployments AS p
        LEFT JOIN data_source_versions AS v ON v.id = p.version_id
        LEFT JOIN datasource AS d ON d.id = v.data_source_id
    ) AS a
) AS mapped
