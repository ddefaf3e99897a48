-- The earliest instant of the landed rows of $dataset that the table $insight does not show yet.
-- A computation for an earlier as_of cuts the hour of its as_of short, so those before it show rows only up to the least as_of since.
WITH done AS (
    SELECT
        window_start,
        computed_at,
        min(as_of) OVER (ORDER BY computed_at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS shows_until
    FROM ops.computations
    WHERE insight = $insight
)
SELECT min(first_at)
FROM ops.loads AS loads
WHERE
    dataset = $dataset AND status = 'loaded' AND NOT EXISTS (
        SELECT 1 FROM done
        WHERE done.computed_at > loads.loaded_at AND done.shows_until > loads.last_at AND done.window_start <= loads.first_at
    )
