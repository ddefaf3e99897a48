-- The team of each service, domain and running scan of which one team is known, and no other: of a service that of its deployments, of a
-- domain that of its declared owners, if all have one, of a scan that of the user who asked for it.
WITH owners AS (
  SELECT domain, CASE WHEN coalesce(is_team, false) THEN user_id ELSE user_profiles.team END AS team
  FROM insights.domain_owners LEFT JOIN insights.user_profiles USING (user_id)
  WHERE is_declared AND verdict <> 'left'
)
SELECT 'service' AS about, service AS name, any_value(team) AS team
FROM insights.deployment_metrics WHERE service <> 'all'
GROUP BY service HAVING count(DISTINCT team) = 1
UNION ALL
SELECT 'domain', domain, any_value(team) FROM owners GROUP BY domain HAVING count(DISTINCT team) = 1 AND count(team) = count(*)
UNION ALL
SELECT 'scan', subject, any_value(team)
FROM insights.active_scans INNER JOIN insights.user_profiles ON user_profiles.user_id = active_scans.triggered_by
GROUP BY subject HAVING count(DISTINCT team) = 1 AND count(team) = count(*)
