SELECT key
FROM ops.rejected_rows
WHERE dataset = $dataset AND source = $source AND key <> '?'
GROUP BY key
ORDER BY max(rejected_at) DESC, key
LIMIT $most
