SELECT environment, service, deployments, success_rate, success_rate_low, success_rate_high,
       success_rate_shrunk, success_rate_shrunk_low, success_rate_shrunk_high,
       durations, median_duration_seconds, median_duration_low, median_duration_high,
       coalesce(no_data_reason, CASE WHEN durations < 6 THEN 'no interval of the median under 6 durations' END) AS reason, is_sample
FROM insights.deployment_metrics
WHERE environment <> 'all' OR service = 'all'
ORDER BY environment = 'all' AND service = 'all' DESC, success_rate_shrunk NULLS LAST, success_rate, environment, service
