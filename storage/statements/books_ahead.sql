-- The first and the last instant of the books after $bound.
SELECT min(noted_at), max(noted_at)
FROM (SELECT started_at AS noted_at FROM ops.runs UNION ALL SELECT loaded_at FROM ops.loads) AS books
WHERE noted_at > $bound
