-- Of the tables that findings are read from, for which as_of each was computed last.
SELECT insight, arg_max(as_of, computed_at) AS as_of
FROM ops.computations
WHERE list_contains($inputs, insight)
GROUP BY insight
ORDER BY insight
