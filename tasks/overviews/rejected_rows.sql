SELECT dataset, count(*) AS rows, coalesce(any_value(outdated.rows), 0) AS outdated
FROM ops.rejected_rows
LEFT JOIN (SELECT dataset, count(*) AS rows FROM ops.outdated_rows GROUP BY ALL) AS outdated USING (dataset)
GROUP BY dataset ORDER BY dataset
