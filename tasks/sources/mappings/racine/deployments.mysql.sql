-- Deployment attempts of racine: version_deployments, data_source_versions, datasource -> raw.deployments.
-- Timestamps leave as they are, in the server's local time; mapping.toml says so.
SELECT
    a.deployment_id,
    a.service,
    a.version,
    a.environment,
    -- A deployment that went out and was taken back again counts as rolled back. racine says so only on the version: its
    -- status becomes `rollback`, while the attempt stays completed. The rollback itself did what it should: it succeeded.
    -- A word that is not listed passes through in lower case, so that the contract rejects the row and says why.
    CASE
        WHEN a.word = 'completed' AND a.is_taken_back THEN 'rolled_back'
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
    -- There is no change column, so the change instant is the greatest of those that there are; greatest is NULL when one is. The
    -- version's change is also the attempt's, or an incremental extraction would not see it rolled back.
    greatest(
        coalesce(a.committed_at, a.started_at, a.finished_at, a.taken_back_at),
        coalesce(a.started_at, a.committed_at, a.finished_at, a.taken_back_at),
        coalesce(a.finished_at, a.committed_at, a.started_at, a.taken_back_at),
        coalesce(a.taken_back_at, a.committed_at, a.started_at, a.finished_at)
    ) AS updated_at
FROM (
    SELECT
        p.id AS deployment_id,
        -- The version or its data source may have been deleted, and the environment may be missing; the attempt still counts.
        coalesce(d.name, 'unknown') AS service,
        v.version AS version,
        coalesce(nullif(lower(d.environment), ''), 'unknown') AS environment,
        lower(p.status) AS word,
        p.status AS source_status,
        v.created_at AS committed_at,
        p.started_at AS started_at,
        p.completed_at AS finished_at,
        -- Free text. An address that somebody typed in is not ours to read.
        CASE WHEN locate('@', p.deployed_by) = 0 THEN p.deployed_by END AS deployed_by,
        lower(p.deployment_type) AS deployment_type,
        lower(v.status) = 'rollback' AND lower(p.deployment_type) <> 'rollback' AS is_taken_back,
        CASE
            WHEN lower(p.status) = 'completed' AND lower(v.status) = 'rollback' AND lower(p.deployment_type) <> 'rollback'
                THEN v.updated_at
        END AS taken_back_at
    FROM version_deployments AS p
    LEFT JOIN data_source_versions AS v ON v.id = p.version_id
    LEFT JOIN datasource AS d ON d.id = v.data_source_id
) AS a
