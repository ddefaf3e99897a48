-- The highest score of each bin in [$since, $as_of) of the hosts of the relation `drawn`, with its threshold. A bin without one has no row.
SELECT
    host,
    (epoch_us(observed_at) - epoch_us(CAST($since AS TIMESTAMPTZ))) // (60000000 * bin_minutes) AS bin,
    max(score) AS score,
    max(threshold) AS threshold
FROM insights.anomaly_scores
INNER JOIN (SELECT DISTINCT host, bin_minutes FROM drawn) USING (host)
WHERE score IS NOT NULL AND observed_at >= $since AND observed_at < $as_of
GROUP BY ALL
ORDER BY host, bin
