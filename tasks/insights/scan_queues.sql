-- One row per source and per scanner in whose queue a scan waits, the scanner `all` for the whole source: who waits, who was overtaken,
-- since when a slot is known to be free, and for each start within the window how long it took to come while something waited.
WITH scans AS MATERIALIZED (
    SELECT
        source,
        unnest(list_distinct(['all', coalesce(nullif(trim(scanner), ''), 'all')])) AS scanner,
        scan_id,
        data_source,
        status,
        queued_at,
        started_at,
        ended_at,
        known_until,
        is_sample
    FROM scans_as_of(CAST($as_of AS TIMESTAMPTZ))
    INNER JOIN (SELECT scan_id, source, scanner FROM raw.scans) USING (scan_id, source)
    WHERE
        outdated_reason IS NULL
        AND queued_at IS NOT NULL
        AND (status = 'queued' OR started_at >= CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)))
),

-- When each scan began, the first of those that waited then had been requested at `waiting_since`.
starts AS (
    SELECT
        source,
        scanner,
        queued_at,
        started_at,
        lag(started_at) OVER (PARTITION BY source, scanner ORDER BY started_at, queued_at) AS previous_at,
        min(queued_at) OVER (
            PARTITION BY source, scanner ORDER BY started_at, queued_at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS waiting_since
    FROM scans
    WHERE started_at >= queued_at
),

ends AS (
    SELECT source, scanner, ended_at
    FROM scans
    WHERE ended_at IS NOT NULL AND started_at IS NOT NULL
),

-- Nothing can begin while all slots are taken: where a scan ended since the start before, time counts from then on.
gaps AS (
    SELECT
        starts.source,
        starts.scanner,
        starts.queued_at,
        starts.started_at,
        seconds_between(greatest(starts.previous_at, starts.waiting_since), starts.started_at) AS any_seconds,
        seconds_between(
            greatest(
                CASE WHEN ends.ended_at <= starts.started_at THEN ends.ended_at ELSE starts.previous_at END,
                starts.waiting_since
            ),
            starts.started_at
        ) AS free_seconds
    FROM starts
    ASOF LEFT JOIN ends
        ON starts.source = ends.source AND starts.scanner = ends.scanner AND starts.previous_at < ends.ended_at
),

history AS (
    SELECT
        source,
        scanner,
        max(started_at) AS last_started_at,
        max(queued_at) AS last_requested_at,
        list(greatest(any_seconds, 0.0)) AS any_times,
        list(greatest(free_seconds, 0.0)) AS free_times
    FROM gaps
    GROUP BY source, scanner
),

queues AS (
    SELECT
        source,
        scanner,
        scan_id,
        data_source,
        status,
        queued_at,
        known_until,
        is_sample,
        last_started_at,
        any_times,
        free_times,
        CASE WHEN ended_at > last_started_at THEN ended_at END AS freed_at,
        status = 'queued' AND queued_at >= coalesce(last_requested_at, queued_at) AS is_waiting
    FROM scans
    LEFT JOIN history USING (source, scanner)
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    source,
    scanner,
    count(*) FILTER (WHERE is_waiting) AS waiting,
    count(*) FILTER (WHERE status = 'queued' AND NOT is_waiting) AS overtaken,
    count(*) FILTER (WHERE status = 'running') AS running,
    min(queued_at) FILTER (WHERE is_waiting) AS waiting_since,
    any_value(last_started_at) AS last_started_at,
    min(freed_at) AS freed_at,
    any_value(known_until) AS known_until,
    any_value(any_times) AS any_times,
    any_value(free_times) AS free_times,
    bool_or(is_sample) AS is_sample,
    coalesce(
        to_json(
            (
                list({'scan_id': scan_id, 'data_source': data_source, 'queued_at': queued_at} ORDER BY queued_at, scan_id)
                    FILTER (WHERE is_waiting)
            )[:50]
        ),
        '[]'
    ) AS scans
FROM queues
GROUP BY source, scanner
HAVING count(*) FILTER (WHERE status = 'queued') > 0
ORDER BY source, scanner
