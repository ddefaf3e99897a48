-- When the newest data are from about each of the subjects asked for, whatever it is: a host or a part of it, a scan, a data source, a
-- deployment, a service, an operation or a domain. Samples of a host are counted by the hour, and looked at themselves from later on.
SELECT id, max(seen_at) AS newest_at
FROM (
    SELECT id, observed_at AS seen_at
    FROM raw.system_metrics INNER JOIN asked ON host = subject AND (len(parts) = 0 OR list_contains(parts, attributes))
    WHERE observed_at > $samples_since AND observed_at <= $as_of
    UNION ALL
    SELECT id, hour_at AS seen_at
    FROM insights.system_metrics_hourly INNER JOIN asked ON host = subject AND (len(parts) = 0 OR list_contains(parts, attributes))
    WHERE hour_at > $since AND hour_at <= $as_of AND samples > 0
    UNION ALL
    SELECT id, updated_at AS seen_at
    FROM raw.scans INNER JOIN asked ON subject IN (scan_id, scan_id || ' (' || source || ')', data_source)
    WHERE updated_at > $since AND updated_at <= $as_of
    UNION ALL
    SELECT id, updated_at AS seen_at
    FROM raw.deployments
    INNER JOIN asked
        ON subject IN (deployment_id, deployment_id || ' (' || source || ')', service)
            AND (len(parts) = 0 OR list_contains(parts, environment))
    WHERE updated_at > $since AND updated_at <= $as_of
    UNION ALL
    SELECT id, occurred_at AS seen_at
    FROM raw.activity INNER JOIN asked ON subject IN (operation, domain)
    WHERE occurred_at > $since AND occurred_at <= $as_of
)
GROUP BY id
