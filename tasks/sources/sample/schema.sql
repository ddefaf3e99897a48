-- The racine schema as far as the mapping reads it, in SQLite's types, and what tells the truth about the sample (sample_*).
-- No foreign keys: racine's rows outlive the versions and data sources that they point to.
CREATE TABLE datasource (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    source_type TEXT NOT NULL,
    environment TEXT,
    criticality TEXT,
    data_classification TEXT,
    owner TEXT,
    team TEXT,
    scan_frequency TEXT,
    entity_count INTEGER,
    size_gb REAL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE TABLE scan (
    id INTEGER PRIMARY KEY,
    scan_id TEXT UNIQUE,
    name TEXT NOT NULL,
    data_source_id INTEGER,
    scan_rule_set_id INTEGER,
    status TEXT NOT NULL,
    error_message TEXT,
    started_at TEXT,
    completed_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    created_by TEXT
);

CREATE TABLE scanresult (
    id INTEGER PRIMARY KEY,
    scan_id INTEGER NOT NULL,
    schema_name TEXT,
    table_name TEXT,
    column_name TEXT,
    object_type TEXT,
    classification_labels TEXT,
    sensitivity_level TEXT,
    compliance_issues TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT
);

CREATE TABLE data_source_versions (
    id INTEGER PRIMARY KEY,
    data_source_id INTEGER NOT NULL,
    version TEXT NOT NULL,
    status TEXT NOT NULL,
    is_current INTEGER NOT NULL,
    breaking_changes INTEGER NOT NULL,
    parent_version_id INTEGER,
    created_by TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    activated_at TEXT,
    archived_at TEXT
);

CREATE TABLE version_deployments (
    id INTEGER PRIMARY KEY,
    version_id INTEGER NOT NULL,
    deployment_type TEXT NOT NULL,
    deployed_by TEXT,
    status TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,
    error_message TEXT,
    rollback_version_id INTEGER
);

CREATE TABLE racine_activities (
    id TEXT PRIMARY KEY,
    activity_name TEXT NOT NULL,
    activity_type TEXT NOT NULL,
    activity_category TEXT,
    status TEXT NOT NULL,
    severity TEXT,
    primary_group TEXT,
    involved_groups TEXT,
    source_system TEXT,
    api_endpoint TEXT,
    http_method TEXT,
    execution_time_ms INTEGER,
    user_id TEXT,
    activity_data TEXT,
    started_at TEXT,
    completed_at TEXT,
    created_at TEXT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    department TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT
);

CREATE TABLE roles (id INTEGER PRIMARY KEY, name TEXT NOT NULL);

CREATE TABLE user_roles (user_id TEXT NOT NULL, role_id INTEGER NOT NULL, PRIMARY KEY (user_id, role_id));

CREATE TABLE user_preferences (
    user_id TEXT NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (user_id, "key")
);

-- The incidents that were built in: what a detector should find.
CREATE TABLE sample_labels (
    incident TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    detail TEXT NOT NULL
);

-- The rows that break the contract on purpose: what the extraction should reject.
CREATE TABLE sample_broken_rows (
    table_name TEXT NOT NULL,
    row_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (table_name, row_id)
);

CREATE TABLE sample_meta ("key" TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE INDEX scanresult_scan ON scanresult (scan_id);
