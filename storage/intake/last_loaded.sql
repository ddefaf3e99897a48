-- The newest change of a dataset that was loaded up to $bound.
SELECT max(last_at)
FROM ops.loads
WHERE dataset = $dataset AND source = $source AND loaded_at <= $bound AND last_at <= $bound
