SELECT DISTINCT host FROM raw.system_metrics WHERE observed_at >= $start AND observed_at < $as_of AND isfinite(value) ORDER BY host
