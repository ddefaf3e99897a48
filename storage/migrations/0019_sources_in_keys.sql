-- Where a row came from is part of its key, so that two databases with the same ids never meet. What the contract knows more of, and
-- three datasets that a mapping may have.
ALTER TABLE raw.scans ALTER COLUMN source SET NOT NULL;

ALTER TABLE raw.deployments ALTER COLUMN source SET NOT NULL;

ALTER TABLE raw.activity ALTER COLUMN source SET NOT NULL;

ALTER TABLE raw.users ALTER COLUMN source SET NOT NULL;

ALTER TABLE raw.owners ALTER COLUMN source SET NOT NULL;

ALTER TABLE raw.scans ADD COLUMN scanner VARCHAR;

ALTER TABLE raw.deployments ADD COLUMN target VARCHAR;

ALTER TABLE raw.deployments ADD COLUMN team VARCHAR;

ALTER TABLE raw.users ADD COLUMN is_bot BOOLEAN;

CREATE TABLE raw.people (
    user_id VARCHAR NOT NULL,
    person_id VARCHAR,
    team VARCHAR,
    is_bot BOOLEAN,
    source VARCHAR NOT NULL DEFAULT 'load',
    extracted_at TIMESTAMPTZ,
    is_deleted BOOLEAN NOT NULL DEFAULT false
);

CREATE TABLE raw.incidents (
    incident_id VARCHAR NOT NULL,
    name VARCHAR,
    service VARCHAR,
    environment VARCHAR,
    severity VARCHAR,
    opened_at TIMESTAMPTZ NOT NULL,
    resolved_at TIMESTAMPTZ,
    deployment_id VARCHAR,
    updated_at TIMESTAMPTZ NOT NULL,
    source VARCHAR NOT NULL DEFAULT 'load',
    extracted_at TIMESTAMPTZ,
    is_deleted BOOLEAN NOT NULL DEFAULT false
);

CREATE TABLE raw.links (
    kind VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    rests_on_kind VARCHAR NOT NULL,
    rests_on VARCHAR NOT NULL,
    source VARCHAR NOT NULL DEFAULT 'load',
    extracted_at TIMESTAMPTZ,
    is_deleted BOOLEAN NOT NULL DEFAULT false
);

ALTER TABLE raw.scans ALTER COLUMN source SET DEFAULT 'load';

ALTER TABLE raw.deployments ALTER COLUMN source SET DEFAULT 'load';

ALTER TABLE raw.activity ALTER COLUMN source SET DEFAULT 'load';

ALTER TABLE raw.users ALTER COLUMN source SET DEFAULT 'load';

ALTER TABLE raw.owners ALTER COLUMN source SET DEFAULT 'load';

-- When a refused row was seen at its source;

-- Rows whose newest state was refused: what the warehouse has of them is not how they stand.
CREATE VIEW ops.outdated_rows AS
SELECT
    refused.dataset,
    refused.key,
    refused.source,
    min(coalesce(refused.seen_at, refused.rejected_at)) AS outdated_since,
    arg_max(refused.reason, coalesce(refused.seen_at, refused.rejected_at)) AS reason
FROM ops.rejected_rows AS refused
INNER JOIN (
        SELECT 'scans' AS dataset, scan_id AS key, source, extracted_at FROM raw.scans WHERE NOT is_deleted
        UNION ALL
        SELECT 'deployments' AS dataset, deployment_id AS key, source, extracted_at FROM raw.deployments WHERE NOT is_deleted
        UNION ALL
        SELECT 'activity' AS dataset, activity_id AS key, source, extracted_at FROM raw.activity WHERE NOT is_deleted
        UNION ALL
        SELECT 'users' AS dataset, user_id AS key, source, extracted_at FROM raw.users WHERE NOT is_deleted
        UNION ALL
        SELECT 'incidents' AS dataset, incident_id AS key, source, extracted_at FROM raw.incidents WHERE NOT is_deleted
    ) AS standing
    ON standing.dataset = refused.dataset AND standing.key = refused.key AND standing.source = refused.source
        AND standing.extracted_at < coalesce(refused.seen_at, refused.rejected_at)
GROUP BY refused.dataset, refused.key, refused.source;

ALTER TABLE ops.reconciliations ADD COLUMN outdated BIGINT;

ALTER TABLE insights.active_scans ALTER COLUMN source SET NOT NULL;

ALTER TABLE insights.active_scans ALTER COLUMN subject SET NOT NULL;

ALTER TABLE insights.scan_performance ADD COLUMN queue_out_of_bounds BIGINT;

ALTER TABLE insights.scan_performance ADD COLUMN run_out_of_bounds BIGINT;

ALTER TABLE insights.scan_performance ADD COLUMN outdated BIGINT;

ALTER TABLE history.scan_performance ADD COLUMN queue_out_of_bounds BIGINT;

ALTER TABLE history.scan_performance ADD COLUMN run_out_of_bounds BIGINT;

ALTER TABLE history.scan_performance ADD COLUMN outdated BIGINT;

ALTER TABLE insights.deployment_metrics ADD COLUMN lead_out_of_bounds BIGINT;

ALTER TABLE insights.deployment_metrics ADD COLUMN outdated BIGINT;

ALTER TABLE history.deployment_metrics ADD COLUMN lead_out_of_bounds BIGINT;

ALTER TABLE history.deployment_metrics ADD COLUMN outdated BIGINT;

ALTER TABLE insights.domain_owners ADD COLUMN is_team BOOLEAN;
