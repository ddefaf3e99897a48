-- Scans of racine: scan, datasource, scanresult -> raw.scans. mapping.toml says the zone of the timestamps.
SELECT
    s.scan_id AS scan_id,
    s.name AS name,
    -- The data source may have been deleted; its scans still count.
    coalesce(d.name, 'unknown') AS data_source,
    -- racine has no type of scan. The rule set decides what a scan looks for, so scans of one rule set are the comparable ones.
    coalesce(concat('rule_set_', s.scan_rule_set_id), 'no_rule_set') AS scan_type,
    -- The enum's names and values differ in case, and services write words that the enum lacks (processing, scanning).
    -- A word that is not listed passes through in lower case, so that the contract rejects the row and says why.
    CASE lower(s.status)
        WHEN 'pending' THEN 'queued'
        WHEN 'in_progress' THEN 'running'
        WHEN 'processing' THEN 'running'
        WHEN 'scanning' THEN 'running'
        WHEN 'completed' THEN 'succeeded'
        WHEN 'cancelled' THEN 'canceled'
        ELSE lower(s.status)
    END AS status,
    s.status AS source_status,
    s.created_at AS queued_at,
    s.started_at AS started_at,
    s.completed_at AS finished_at,
    -- One scanresult is one asset. A scan without any has scanned none.
    coalesce(r.assets, 0) AS assets_scanned,
    coalesce(r.issues, 0) AS issues_found,
    -- Free text. An address that somebody typed in is not ours to read.
    CASE WHEN locate('@', s.created_by) = 0 THEN s.created_by END AS triggered_by,
    s.error_message AS error_message,
    -- Rows that were never updated have no updated_at.
    coalesce(s.updated_at, s.completed_at, s.started_at, s.created_at) AS updated_at
FROM scan AS s
LEFT JOIN datasource AS d ON d.id = s.data_source_id
LEFT JOIN (
    SELECT
        scan_id,
        count(*) AS assets,
        -- compliance_issues may be SQL NULL, JSON null or an object: only a list has issues to count.
        sum(
            CASE WHEN json_valid(compliance_issues) THEN
                CASE WHEN json_type(compliance_issues) = 'ARRAY' THEN json_length(compliance_issues) ELSE 0 END
            ELSE 0 END
        )
            AS issues
    FROM scanresult
    GROUP BY scan_id
) AS r ON r.scan_id = s.id
