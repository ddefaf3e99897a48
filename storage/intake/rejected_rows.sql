SELECT rejected_id, key, CAST(row AS VARCHAR) AS row, source
FROM ops.rejected_rows
WHERE dataset = $dataset
ORDER BY ALL
