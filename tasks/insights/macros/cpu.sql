-- The hosts that had `level` or more of all CPUs in use at any time of the last hour, or the quarter before it.
CREATE OR REPLACE TEMP MACRO cpu_hosts(as_of, level) AS (
    SELECT coalesce(list(DISTINCT host), [])
    FROM raw.system_metrics
    WHERE metric = 'system.cpu.utilization' AND attributes = '' AND isfinite(value) AND value >= level
        AND observed_at >= as_of - to_minutes(75) AND observed_at < as_of
);

-- The share of all CPUs in use in each minute (counted since 1970) of the `hours` up to as_of, in millionths: means of whole numbers do
-- not depend on their order. A value is over the time since the one before, so it stands for the `covers` minutes up to its own.
CREATE OR REPLACE TEMP MACRO cpu_minutes(as_of, hours, hosts) AS TABLE
SELECT * EXCLUDE (gap), coalesce(quantile_disc(gap, 0.5) OVER (PARTITION BY host), 1) AS covers
FROM (
    SELECT *, minute - lag(minute) OVER (PARTITION BY host ORDER BY minute) AS gap
    FROM (
        SELECT
            host,
            minute_of(observed_at) AS minute,
            CAST(round(avg(CAST(round(1e6 * least(greatest(value, 0), 1)) AS BIGINT))) AS BIGINT) AS used
        FROM raw.system_metrics
        WHERE metric = 'system.cpu.utilization' AND attributes = '' AND isfinite(value)
            AND observed_at >= as_of - to_hours(hours) AND observed_at < as_of
            AND host IN (SELECT unnest(hosts))
        GROUP BY ALL
    )
);

-- The runs of busy minutes that reach into the last hour before as_of: in any 15 minutes of them at least .9 was in use on average, with
-- 12 minutes known. Runs with at most 10 minutes between them are one. They begin and end with a minute of .9, and last 15 or more.
CREATE OR REPLACE TEMP MACRO cpu_runs(as_of, hours) AS TABLE
WITH minutes AS (
    SELECT * FROM cpu_minutes(as_of, hours, cpu_hosts(as_of, 0.9)) WHERE covers <= 5
),

full_windows AS (
    SELECT host, minute
    FROM minutes
    WINDOW quarter AS (PARTITION BY host ORDER BY minute RANGE BETWEEN 14 PRECEDING AND CURRENT ROW)
    QUALIFY avg(used) OVER quarter >= 900000 AND count(*) OVER quarter * covers >= 12
),

spans AS (
    SELECT host, min(minute) - 14 AS first_minute, max(minute) AS last_minute
    FROM (
        SELECT *, sum(CASE WHEN gap <= 25 THEN 0 ELSE 1 END) OVER (PARTITION BY host ORDER BY minute) AS run
        FROM (SELECT *, minute - lag(minute) OVER (PARTITION BY host ORDER BY minute) AS gap FROM full_windows)
    )
    GROUP BY host, run
),

trimmed AS (
    SELECT spans.host, covers, min(minute) AS first_minute, max(minute) AS last_minute
    FROM spans
    INNER JOIN minutes ON minutes.host = spans.host AND minute BETWEEN spans.first_minute AND spans.last_minute AND used >= 900000
    GROUP BY spans.host, covers, spans.first_minute
    HAVING max(minute) - min(minute) + covers >= 15 AND max(minute) >= minute_of(as_of) - 60
)

SELECT
    host,
    covers,
    first_minute - covers + 1 AS first_minute,
    last_minute,
    mean,
    peak,
    samples * covers AS known_minutes
FROM (
    SELECT trimmed.*, avg(used) / 1e6 AS mean, max(used) / 1e6 AS peak, count(*) AS samples
    FROM trimmed
    INNER JOIN minutes ON minutes.host = trimmed.host AND minute BETWEEN trimmed.first_minute AND trimmed.last_minute
    GROUP BY ALL
);

-- The hours of the last 28 days, and of the one up to as_of, of these hosts: how long ago (0: the last hour), samples, those with `level`
-- or more of all CPUs in use, and the mean.
CREATE OR REPLACE TEMP MACRO cpu_hours(as_of, hosts, level) AS TABLE
SELECT host, list(struct_pack(ago := ago, samples := samples, busy := busy, mean := mean) ORDER BY ago) AS hours
FROM (
    SELECT
        host,
        (epoch_us(as_of) - 1 - epoch_us(observed_at)) // 3600000000 AS ago,
        count(*) AS samples,
        count(*) FILTER (WHERE value >= level) AS busy,
        avg(CAST(round(1e6 * least(greatest(value, 0), 1)) AS BIGINT)) / 1e6 AS mean
    FROM raw.system_metrics
    WHERE metric = 'system.cpu.utilization' AND attributes = '' AND isfinite(value)
        AND observed_at >= as_of - to_hours(29 * 24) AND observed_at < as_of
        AND host IN (SELECT unnest(hosts))
    GROUP BY ALL
)
GROUP BY host;

-- The name with the most CPU time in each of `spans` (host, first_minute, last_minute, all within `hours` before as_of): its share of all
-- CPUs on average, how many processes had it, and the busiest of them. A process that was not among the busiest at an instant has no row
-- then, and counts as none.
CREATE OR REPLACE TEMP MACRO cpu_processes(as_of, hours, spans) AS TABLE
WITH samples AS (
    SELECT span.host, span.first_minute, known.attributes, known.observed_at, CAST(round(1e6 * known.value) AS BIGINT) AS used
    FROM raw.system_metrics AS known
    INNER JOIN (SELECT unnest(spans) AS span)
        ON span.host = known.host
        AND minute_of(known.observed_at) BETWEEN span.first_minute AND span.last_minute
    WHERE known.metric = 'process.cpu.utilization' AND isfinite(known.value)
        AND known.observed_at >= as_of - to_hours(hours) AND known.observed_at < as_of
),

processes AS (
    SELECT host, first_minute, attributes, regexp_extract(attributes, '(?:^|,)name=([^,]*)', 1) AS name, sum(used) AS used
    FROM samples
    GROUP BY ALL
),

names AS (
    SELECT host, first_minute, name, count(*) AS processes, arg_max(attributes, (used, attributes)) AS process, sum(used) AS used
    FROM processes
    GROUP BY ALL
),

instants AS (
    SELECT host, first_minute, count(DISTINCT observed_at) AS instants FROM samples GROUP BY ALL
)

SELECT host, first_minute, processes, process, used / instants / 1e6 AS process_share
FROM names
INNER JOIN instants USING (host, first_minute)
QUALIFY row_number() OVER (PARTITION BY host, first_minute ORDER BY used DESC, name) = 1
