SELECT severity, kind, subject, started_at, statement, recommendation, confidence, is_sample
FROM insights.performance_insights
WHERE ended_at IS NULL
ORDER BY row_number() OVER (PARTITION BY kind ORDER BY severity, started_at DESC, subject), severity, kind
