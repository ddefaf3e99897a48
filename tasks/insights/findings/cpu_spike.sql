-- The bursts of the last hour: 2 to 15 minutes without a break in which .8 or more of all CPUs was in use, outside of longer runs of busy
-- minutes. With the processes that were busiest, and the hours of the last 28 days.
WITH minutes AS MATERIALIZED (
    SELECT * FROM cpu_minutes(CAST($as_of AS TIMESTAMPTZ), 2, cpu_hosts(CAST($as_of AS TIMESTAMPTZ), 0.8))
),

bursts AS MATERIALIZED (
    SELECT
        host,
        covers,
        min(minute) - covers + 1 AS first_minute,
        max(minute) AS last_minute,
        avg(used) / 1e6 AS mean,
        max(used) / 1e6 AS peak
    FROM (
        SELECT *, sum(CASE WHEN gap = covers THEN 0 ELSE 1 END) OVER (PARTITION BY host ORDER BY minute) AS burst
        FROM (
            SELECT *, minute - lag(minute) OVER (PARTITION BY host ORDER BY minute) AS gap
            FROM minutes
            WHERE used >= 800000 AND covers <= 5
        )
    )
    GROUP BY host, covers, burst
    HAVING max(minute) - min(minute) + covers BETWEEN 2 AND 15
        AND max(minute) >= minute_of(CAST($as_of AS TIMESTAMPTZ)) - 60
),

spikes AS MATERIALIZED (
    SELECT bursts.*
    FROM bursts
    ANTI JOIN cpu_runs(CAST($as_of AS TIMESTAMPTZ), 3) AS runs
        ON runs.host = bursts.host
        AND bursts.first_minute <= runs.last_minute AND bursts.last_minute >= runs.first_minute
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    spikes.*,
    to_timestamp(60 * spikes.first_minute) AS started_at,
    to_timestamp(60 * (spikes.last_minute + 1)) AS ended_at,
    busiest.process,
    busiest.processes,
    busiest.process_share,
    hours.hours
FROM spikes
LEFT JOIN cpu_processes(
    CAST($as_of AS TIMESTAMPTZ),
    2,
    (SELECT list(struct_pack(host := host, first_minute := first_minute, last_minute := last_minute)) FROM spikes)
) AS busiest USING (host, first_minute)
LEFT JOIN cpu_hours(CAST($as_of AS TIMESTAMPTZ), (SELECT coalesce(list(host), []) FROM spikes), 0.8) AS hours USING (host)
ORDER BY spikes.host, spikes.first_minute
