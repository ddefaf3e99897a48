-- Incidents that were open at some time before `as_of`, as they stood then, named as deployments are. `known_until`: until when it is
-- known that an open one was not resolved.
CREATE OR REPLACE TEMP MACRO incidents_as_of(as_of, names) AS TABLE
SELECT
    incident_id,
    source,
    service_named(service) AS service,
    environment_named(environment, names) AS environment,
    deployment_id,
    opened_at,
    CASE WHEN resolved_at < as_of THEN resolved_at END AS resolved_at,
    least(as_of, coalesce(seen_at, as_of)) AS known_until
FROM raw.incidents
INNER JOIN (
    SELECT source, max(extracted_at) FILTER (WHERE extracted_at > updated_at) AS seen_at FROM raw.incidents GROUP BY source
) USING (source)
ANTI JOIN (SELECT key AS incident_id, source FROM outdated_rows('incidents', as_of)) USING (incident_id, source)
WHERE NOT is_deleted AND opened_at < as_of
