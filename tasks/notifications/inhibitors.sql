-- The active alerts that inhibit others, each with the rule that it inhibits.
SELECT
    unnest(CAST(definition -> 'inhibits' AS VARCHAR[])) AS inhibited,
    subject,
    rule,
    CAST(coalesce(labels, '{}') AS MAP(VARCHAR, VARCHAR)) AS labels
FROM alerts.alerts INNER JOIN alerts.rules ON name = rule
WHERE list_contains($active, state)
ORDER BY ALL
