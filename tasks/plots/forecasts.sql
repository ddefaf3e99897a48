-- What reaches its limit within $days days, the $forecasts soonest.
SELECT *
FROM insights.forecasts
WHERE crosses_at <= as_of + to_days(CAST($days AS INTEGER))
ORDER BY crosses_at, host, metric, attributes
LIMIT $forecasts
