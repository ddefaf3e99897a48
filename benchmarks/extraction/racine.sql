-- A racine database as SQLAlchemy makes it: enums of names, jsonb, timestamps without a zone, no index but the primary keys.
-- psql gives `rows`: so many acts, in the order of time, over half a year that ended an hour ago. All other tables are empty.
CREATE TYPE activitytype AS ENUM ('USER_ACTION', 'INTEGRATION_EVENT', 'DATA_ACCESS');
CREATE TYPE activitystatus AS ENUM ('INITIATED', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMEOUT', 'SUSPENDED');
CREATE TYPE grouptype AS ENUM ('CATALOG', 'SCAN_LOGIC', 'COMPLIANCE', 'CLASSIFICATIONS', 'DATA_SOURCES', 'RBAC');

CREATE TABLE racine_activities (
    id text PRIMARY KEY,
    activity_name text NOT NULL,
    activity_type activitytype NOT NULL,
    activity_category text,
    status activitystatus NOT NULL,
    severity text,
    primary_group grouptype,
    involved_groups jsonb,
    source_system text,
    api_endpoint text,
    http_method text,
    execution_time_ms integer,
    user_id text,
    activity_data jsonb,
    started_at timestamp,
    completed_at timestamp,
    created_at timestamp NOT NULL
);

CREATE TABLE datasource (id integer PRIMARY KEY, name text NOT NULL, environment text);
CREATE TABLE scan (
    id integer PRIMARY KEY,
    scan_id text,
    name text NOT NULL,
    data_source_id integer,
    scan_rule_set_id integer,
    status text NOT NULL,
    error_message text,
    started_at timestamp,
    completed_at timestamp,
    created_at timestamp NOT NULL,
    updated_at timestamp,
    created_by text
);
CREATE TABLE scanresult (id integer PRIMARY KEY, scan_id integer NOT NULL, compliance_issues jsonb);
CREATE TABLE data_source_versions (
    id integer PRIMARY KEY,
    data_source_id integer NOT NULL,
    version text NOT NULL,
    status text NOT NULL,
    created_at timestamp NOT NULL,
    updated_at timestamp
);
CREATE TABLE version_deployments (
    id integer PRIMARY KEY,
    version_id integer NOT NULL,
    deployment_type text NOT NULL,
    deployed_by text,
    status text NOT NULL,
    started_at timestamp,
    completed_at timestamp
);
CREATE TABLE users (
    id text PRIMARY KEY, department text, is_active boolean NOT NULL, created_at timestamp NOT NULL, updated_at timestamp
);
CREATE TABLE roles (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE user_roles (user_id text, role_id integer, PRIMARY KEY (user_id, role_id));
CREATE TABLE user_preferences (user_id text, key text, value text, updated_at timestamp NOT NULL, PRIMARY KEY (user_id, key));

SELECT setseed(0.5);

INSERT INTO racine_activities
SELECT
    md5('act' || n)::uuid::text,
    (ARRAY['tag_asset', 'classify', 'approve', 'edit_policy', 'query_catalog', 'list_sources'])[1 + thing % 6],
    (ARRAY['USER_ACTION', 'USER_ACTION', 'USER_ACTION', 'INTEGRATION_EVENT', 'DATA_ACCESS'])[kind]::activitytype,
    'governance',
    CASE
        WHEN is_open THEN 'IN_PROGRESS'
        ELSE (ARRAY['COMPLETED', 'COMPLETED', 'COMPLETED', 'COMPLETED', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMEOUT'])[1 + thing % 8]
    END::activitystatus,
    'info',
    (enum_range(NULL::grouptype))[domain],
    to_jsonb((enum_range(NULL::grouptype))[domain:domain + thing % 3]),
    CASE WHEN kind = 4 THEN 'api' ELSE 'portal' END,
    CASE WHEN kind = 4 THEN '/api/v1/assets/' || thing % 50 END,
    CASE WHEN kind = 4 THEN (ARRAY['GET', 'POST', 'PUT'])[1 + thing % 3] END,
    CASE WHEN NOT is_open THEN milliseconds END,
    md5('user' || thing % 500)::uuid::text,
    jsonb_build_object(
        'workspace_id', 'ws-' || thing % 40,
        'action', (ARRAY['create', 'view', 'classify', 'approve', 'update', 'delete'])[1 + thing % 6],
        'resource_type', (ARRAY['asset', 'policy', 'rule', 'term'])[1 + thing % 4],
        'resource_id', 'resource-' || thing,
        'item_count', 1 + thing % 400
    ),
    created_at AS started_at,
    CASE WHEN NOT is_open THEN created_at + milliseconds * interval '1 millisecond' END,
    created_at
FROM (
    SELECT
        n,
        1 + floor(random() * 5)::integer AS kind,
        1 + floor(random() * 6)::integer AS domain,
        floor(random() * 100000)::integer AS thing,
        random() < :open AS is_open,
        round(exp(6 + random_normal()))::integer AS milliseconds,
        now() AT TIME ZONE 'UTC' - interval '1 hour' - (:rows - n) * (interval '180 days' / :rows) AS created_at
    FROM generate_series(1, :rows) AS n
) AS act;
