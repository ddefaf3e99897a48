-- Per data source x scan type, in any order: counts over the $window_days up to $as_of, lists of times that Python takes medians
-- of, the daily medians of the succeeded, when scans were asked for, and the commonest reasons of failures.
WITH every_scan AS NOT MATERIALIZED (
    SELECT *, coalesce(queued_at, started_at) AS asked_at
    FROM scans_as_of(CAST($as_of AS TIMESTAMPTZ))
    WHERE ended_at IS NULL OR ended_at >= CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER))
),

scans AS NOT MATERIALIZED (
    SELECT * FROM every_scan WHERE outdated_reason IS NULL
),

counted AS (
    SELECT
        data_source,
        scan_type,
        count(*) FILTER (WHERE status IN ('succeeded', 'failed')) AS runs,
        count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'canceled') AS canceled,
        count(*) FILTER (WHERE ended_at IS NULL) AS unfinished,
        list(queue_seconds) FILTER (
            WHERE status IN ('succeeded', 'failed') AND queue_seconds BETWEEN 0 AND $queue_bound_seconds
        ) AS queue_times,
        count(*) FILTER (
            WHERE status IN ('succeeded', 'failed') AND queue_seconds NOT BETWEEN 0 AND $queue_bound_seconds
        ) AS queue_out_of_bounds,
        list(run_seconds) FILTER (WHERE status = 'succeeded' AND run_seconds >= 0) AS run_times,
        count(*) FILTER (WHERE status = 'succeeded' AND run_seconds < 0) AS run_out_of_bounds,
        list(assets_scanned / run_seconds) FILTER (WHERE status = 'succeeded' AND assets_scanned > 0 AND run_seconds > 0) AS speeds,
        list(epoch_us(asked_at)) FILTER (
            WHERE asked_at >= CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER))
        ) AS asked,
        arg_max(known_until, coalesce(asked_at, ended_at)) AS known_until,
        bool_or(is_sample) AS is_sample
    FROM scans
    GROUP BY data_source, scan_type
),

refused AS (
    SELECT data_source, scan_type, count(*) AS outdated
    FROM every_scan
    WHERE outdated_reason IS NOT NULL
    GROUP BY data_source, scan_type
),

-- A median of 0 s has no logarithm.
daily AS MATERIALIZED (
    SELECT
        data_source,
        scan_type,
        list({'day': day, 'seconds': seconds, 'assets': assets} ORDER BY day DESC) AS days
    FROM (
        SELECT
            data_source,
            scan_type,
            day_before(CAST($as_of AS TIMESTAMPTZ), ended_at) AS day,
            median(run_seconds) AS seconds,
            median(assets_scanned) FILTER (WHERE assets_scanned > 0) AS assets
        FROM scans
        WHERE status = 'succeeded' AND run_seconds >= 0
        GROUP BY ALL
        HAVING seconds > 0
    )
    GROUP BY data_source, scan_type
),

-- The first line without what differs from run to run, and without what may be private: cut before, so that long ones take no
-- time, at a blank, so that nothing is halved; and after.
messages AS (
    SELECT
        data_source,
        scan_type,
        CASE WHEN length(line) > 1000 THEN regexp_replace(left(line, 1000), '\S*$', '') ELSE line END AS line
    FROM (
        SELECT data_source, scan_type, regexp_extract(error_message, '^\s*([^\n\r]*)', 1) AS line
        FROM scans
        WHERE status = 'failed'
    )
),

worded AS (
    SELECT
        data_source,
        scan_type,
        line
        .regexp_replace('(\b[bBuUrRNE]|\B)''.*?(''\B|$)|"[^"]*("|$)|`[^`]*(`|$)|“[^”]*(”|$)|«[^»]*(»|$)', '<text>', 'g')
        .regexp_replace('[A-Za-z][\w+.-]*://\S+', '<url>', 'g')  -- noqa
        .regexp_replace('[^\s@<>()\[\],;:=|]+@[^\s@<>()\[\],;:=|]+', '<email>', 'g')
        .regexp_replace('(?i)\b(bearer|basic|(passw(or)?d|pwd|secret|token|key|user(name)?|login):)\s*[^\s<]\S*', '\1 <text>', 'g')
        .regexp_replace('([\w-])\s*=\s*[^\s<,;)][^\s,;)]*', '\1=<text>', 'g')
        .regexp_replace('(?i)\b[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}\b', '<id>', 'g')
        .regexp_replace('\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b', '<ip>', 'g')
        .regexp_replace('\b\d{4}-\d\d-\d\d(T|\b)', '<time>', 'g')
        .regexp_replace('(<time> ?)?\b\d\d:\d\d(:\d\d([.,]\d+)?)?(Z| ?UTC|[+-]\d\d:?\d\d)?\b', '<time>', 'g')
        .regexp_replace('(?i)\b[\da-f]{0,4}(:[\da-f]{0,4}){3,7}\b', '<ip>', 'g')
        .regexp_replace('\b[A-Za-z]:\\\S*|\\\\\S+|(\B[.~]{0,2}|\b[\w.-]+/[\w.-]+)(/[^\s/:;,''"()<>]+)+/?', '<path>', 'g')
        .regexp_replace('\b\d+([.,]\d+)*([A-Za-z]{0,2})\b', '<n>\2', 'g')
        .regexp_replace('\b(0x[\da-fA-F]+|[\da-fA-F]{8,}|\w{12,}\d\w*|\w*\d\w{12,}|[A-Za-z_]*\d+[A-Za-z_]+\d\w*)\b', '<id>', 'g')
        .regexp_replace('\d+([.,]\d+)*', '<n>', 'g')
        .regexp_replace('(<\w+>)(, ?<\w+>)+', '\1, ...', 'g')
        .regexp_replace('\s+', ' ', 'g')
        AS wording
    FROM messages
),

reasons AS MATERIALIZED (
    SELECT
        data_source,
        scan_type,
        CAST(to_json(list({'reason': reason, 'runs': runs} ORDER BY runs DESC, reason)) AS VARCHAR) AS failure_reasons
    FROM (
        SELECT data_source, scan_type, coalesce(nullif(rtrim(left(wording, 200)), ''), 'no message') AS reason, count(*) AS runs
        FROM worded
        GROUP BY data_source, scan_type, reason
        QUALIFY row_number() OVER (PARTITION BY data_source, scan_type ORDER BY count(*) DESC, reason) <= 3
    )
    GROUP BY data_source, scan_type
)

SELECT
    * REPLACE (coalesce(known_until, CAST($as_of AS TIMESTAMPTZ)) AS known_until, coalesce(outdated, 0) AS outdated),
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    CAST($window_days AS BIGINT) AS window_days
FROM counted
LEFT JOIN refused USING (data_source, scan_type)
LEFT JOIN daily USING (data_source, scan_type)
LEFT JOIN reasons USING (data_source, scan_type)
