SELECT host, epoch_us(observed_at) // 60000000 AS minute, score, is_anomalous
FROM insights.anomaly_scores
WHERE list_contains($hosts, host) AND observed_at >= $since AND observed_at < $until
ORDER BY host, minute
