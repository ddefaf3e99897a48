-- The runs of busy minutes that reach into the last hour, with what ran and what waited then, and the hours of the last 28 days.
WITH runs AS MATERIALIZED (
    SELECT * FROM cpu_runs(CAST($as_of AS TIMESTAMPTZ), 24)
),

during AS (
    SELECT runs.host, runs.first_minute, known.metric, known.attributes, known.observed_at, known.value
    FROM raw.system_metrics AS known
    INNER JOIN runs
        ON runs.host = known.host AND minute_of(known.observed_at) BETWEEN runs.first_minute AND runs.last_minute
    WHERE known.observed_at >= CAST($as_of AS TIMESTAMPTZ) - to_hours(24) AND known.observed_at < CAST($as_of AS TIMESTAMPTZ)
        AND isfinite(known.value)
        AND known.metric IN (
            'system.cpu.utilization', 'system.cpu.logical.count', 'system.cpu.load_average.1m', 'system.pressure.stalled',
            'container.cpu.limit'
        )
),

waiting AS (
    SELECT
        host,
        first_minute,
        arg_max(value, observed_at) FILTER (WHERE metric = 'system.cpu.logical.count') AS cpus,
        arg_max(value, observed_at) FILTER (WHERE metric = 'container.cpu.limit') AS container_limit,
        avg(value ORDER BY value) FILTER (WHERE metric = 'system.cpu.load_average.1m') AS load,
        avg(value ORDER BY value) FILTER (WHERE attributes = 'resource=cpu,severity=some') AS pressure,
        avg(value ORDER BY value) FILTER (WHERE attributes = 'mode=steal') AS stolen
    FROM during
    GROUP BY host, first_minute
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    runs.*,
    to_timestamp(60 * runs.first_minute) AS started_at,
    to_timestamp(60 * (runs.last_minute + 1)) AS ended_at,
    waiting.* EXCLUDE (host, first_minute),
    busiest.process,
    busiest.processes,
    busiest.process_share,
    hours.hours
FROM runs
LEFT JOIN waiting USING (host, first_minute)
LEFT JOIN cpu_processes(
    CAST($as_of AS TIMESTAMPTZ),
    24,
    (SELECT list(struct_pack(host := host, first_minute := first_minute, last_minute := last_minute)) FROM runs)
) AS busiest USING (host, first_minute)
LEFT JOIN cpu_hours(CAST($as_of AS TIMESTAMPTZ), (SELECT coalesce(list(host), []) FROM runs), 0.85) AS hours USING (host)
ORDER BY runs.host, runs.first_minute
