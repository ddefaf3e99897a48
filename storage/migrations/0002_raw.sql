-- What the sources deliver. No constraints but NOT NULL: keys are kept by MERGE, so that this also runs on a DuckLake.
CREATE SCHEMA raw;

CREATE TABLE raw.scans (
    scan_id VARCHAR NOT NULL,
    name VARCHAR,
    data_source VARCHAR NOT NULL,
    scan_type VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    source_status VARCHAR,
    queued_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    assets_scanned BIGINT,
    issues_found BIGINT,
    triggered_by VARCHAR,
    error_message VARCHAR,
    updated_at TIMESTAMPTZ NOT NULL,
    source VARCHAR,
    extracted_at TIMESTAMPTZ
);

CREATE TABLE raw.deployments (
    deployment_id VARCHAR NOT NULL,
    service VARCHAR NOT NULL,
    version VARCHAR,
    environment VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    source_status VARCHAR,
    committed_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    deployed_by VARCHAR,
    is_rollback BOOLEAN,
    is_hotfix BOOLEAN,
    updated_at TIMESTAMPTZ NOT NULL,
    source VARCHAR,
    extracted_at TIMESTAMPTZ
);

CREATE TABLE raw.activity (
    activity_id VARCHAR NOT NULL,
    user_id VARCHAR,
    workspace_id VARCHAR,
    activity_type VARCHAR,
    action VARCHAR,
    domain VARCHAR,
    resource_type VARCHAR,
    resource_id VARCHAR,
    operation VARCHAR,
    item_count BIGINT,
    domain_count BIGINT,
    status VARCHAR NOT NULL,
    duration_seconds DOUBLE,
    occurred_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    source VARCHAR,
    extracted_at TIMESTAMPTZ
);

CREATE TABLE raw.users (
    user_id VARCHAR NOT NULL,
    role VARCHAR,
    team VARCHAR,
    is_active BOOLEAN,
    preferences JSON,
    created_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ NOT NULL,
    source VARCHAR,
    extracted_at TIMESTAMPTZ
);

CREATE TABLE raw.system_metrics (
    host VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    attributes VARCHAR NOT NULL,
    observed_at TIMESTAMPTZ NOT NULL,
    unit VARCHAR,
    value DOUBLE,
    status VARCHAR NOT NULL
);
