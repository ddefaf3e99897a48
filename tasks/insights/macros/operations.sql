-- The hours of every operation over the last 30 days before as_of: what is judged, and the four weeks that it is compared with. Whatever
-- each was computed for, they are looked at as of now.
CREATE OR REPLACE TEMP MACRO operation_hours(as_of) AS TABLE
SELECT * REPLACE (as_of AS as_of)
FROM insights.application_health
WHERE hour_at < as_of AND hour_at >= as_of - to_hours(30 * 24);

-- The 95th percentile from which on an operation is slow, beside its usual one.
CREATE OR REPLACE TEMP MACRO slow_from(baseline_p95_seconds) AS 1.3 * baseline_p95_seconds
