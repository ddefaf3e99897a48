-- The series of the last 24 whole hours up to the minute of $as_of, with what each minute had: metrics of hosts, and of the 20
-- operations with the most requests how many there were, what share failed, and the median duration. Processes do not last, and the
-- sample's acts happened on no host. Of a minute's values, those of its quarters count alike; whatever their order, they come to the
-- same mean to the last bit.
WITH samples AS (
    SELECT
        host,
        metric,
        attributes,
        minute_of(observed_at) - minute_of(CAST($as_of AS TIMESTAMPTZ)) + 1440 AS minute,
        epoch_us(observed_at) // 15000000 % 4 AS quarter,
        value
    FROM raw.system_metrics
    WHERE observed_at >= CAST($as_of AS TIMESTAMPTZ) - to_hours(25) AND observed_at < CAST($as_of AS TIMESTAMPTZ)
        AND isfinite(value) AND NOT starts_with(metric, 'process.')
),

sampled AS (
    SELECT
        host,
        metric,
        attributes,
        minute,
        list_avg([
            max(value) FILTER (WHERE quarter = 0),
            max(value) FILTER (WHERE quarter = 1),
            max(value) FILTER (WHERE quarter = 2),
            max(value) FILTER (WHERE quarter = 3)
        ]) AS value
    FROM samples
    WHERE minute BETWEEN 0 AND 1439
    GROUP BY host, metric, attributes, minute
),

requests AS (
    SELECT
        operation,
        minute_of(occurred_at) - minute_of(CAST($as_of AS TIMESTAMPTZ)) + 1440 AS minute,
        status,
        CASE WHEN status = 'succeeded' THEN duration_seconds END AS seconds
    FROM raw.activity
    WHERE operation IS NOT NULL AND status IN ('succeeded', 'failed') AND NOT is_deleted AND source IS DISTINCT FROM 'sample'
        AND occurred_at >= CAST($as_of AS TIMESTAMPTZ) - to_hours(25) AND occurred_at < CAST($as_of AS TIMESTAMPTZ)
),

busiest AS (
    SELECT operation
    FROM requests
    WHERE minute BETWEEN 0 AND 1439
    GROUP BY operation
    ORDER BY count(*) DESC, operation
    LIMIT 20
),

-- From the first request of any to the last one that was read, minutes without one had none.
counted AS (
    SELECT
        busiest.operation,
        minutes.minute,
        count(requests.status) AS requests,
        count(*) FILTER (WHERE requests.status = 'failed') AS failed,
        quantile_cont(requests.seconds, 0.5) AS median_seconds
    FROM busiest
    CROSS JOIN (
        SELECT unnest(range(min(minute), max(minute) + 1)) AS minute FROM requests WHERE minute BETWEEN 0 AND 1439
    ) AS minutes
    LEFT JOIN requests ON requests.operation = busiest.operation AND requests.minute = minutes.minute
    GROUP BY ALL
),

performed AS (
    SELECT operation, minute, 'requests' AS metric, CAST(requests AS DOUBLE) AS value FROM counted
    UNION ALL
    SELECT operation, minute, 'error_rate', failed / requests FROM counted WHERE requests > 0
    UNION ALL
    SELECT operation, minute, 'p50_seconds', median_seconds FROM counted WHERE median_seconds IS NOT NULL
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    host,
    metric,
    attributes,
    NULL AS operation,
    list(struct_pack(minute := CAST(minute AS SMALLINT), value := value)) AS minutes
FROM sampled
GROUP BY host, metric, attributes
HAVING min(value) < max(value)
UNION ALL
SELECT
    CAST($as_of AS TIMESTAMPTZ),
    NULL,
    metric,
    '',
    operation,
    list(struct_pack(minute := CAST(minute AS SMALLINT), value := value))
FROM performed
GROUP BY operation, metric
HAVING min(value) < max(value)
