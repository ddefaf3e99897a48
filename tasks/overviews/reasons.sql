SELECT dataset, reason, count(*) AS rows, min(key) AS for_example, max(rejected_at) AS last_rejected_at
FROM ops.rejected_rows
GROUP BY dataset, reason
ORDER BY count(*) DESC, dataset, reason
LIMIT 50
