-- One row per source and per scanner in whose queue a scan waits, the scanner `all` for the whole source: who waits, who was overtaken,
-- and for each start within the window how long nothing had begun by then while something waited.
WITH scans AS (
    SELECT
        source,
        unnest(list_distinct(['all', coalesce(nullif(trim(scanner), ''), 'all')])) AS scanner,
        scan_id,
        data_source,
        status,
        queued_at,
        started_at,
        known_until,
        is_sample
    FROM scans_as_of(CAST($as_of AS TIMESTAMPTZ))
    INNER JOIN (SELECT scan_id, source, scanner FROM raw.scans) USING (scan_id, source)
    WHERE
        outdated_reason IS NULL
        AND queued_at IS NOT NULL
        AND (status = 'queued' OR started_at >= CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)))
),

-- When each scan began, the first of those that waited then had been requested at `waiting_since`, or earlier.
starts AS (
    SELECT
        source,
        scanner,
        started_at,
        max(queued_at) OVER (PARTITION BY source, scanner) AS last_requested_at,
        greatest(
            lag(started_at) OVER (PARTITION BY source, scanner ORDER BY started_at, queued_at),
            min(queued_at) OVER (
                PARTITION BY source, scanner ORDER BY started_at, queued_at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
            )
        ) AS still_since
    FROM scans
    WHERE started_at IS NOT NULL AND started_at >= queued_at
),

history AS (
    SELECT
        source,
        scanner,
        max(started_at) AS last_started_at,
        max(last_requested_at) AS last_requested_at,
        list(greatest(seconds_between(still_since, started_at), 0.0)) AS still_times
    FROM starts
    GROUP BY source, scanner
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    source,
    scanner,
    count(*) FILTER (WHERE scans.queued_at >= coalesce(last_requested_at, scans.queued_at)) AS waiting,
    count(*) FILTER (WHERE scans.queued_at < last_requested_at) AS overtaken,
    min(scans.queued_at) FILTER (WHERE scans.queued_at >= coalesce(last_requested_at, scans.queued_at)) AS waiting_since,
    any_value(last_started_at) AS last_started_at,
    any_value(known_until) AS known_until,
    any_value(still_times) AS still_times,
    bool_or(is_sample) AS is_sample,
    coalesce(
        to_json(
            (
                list(
                    {'scan_id': scan_id, 'data_source': data_source, 'queued_at': scans.queued_at}
                    ORDER BY scans.queued_at, scan_id
                ) FILTER (WHERE scans.queued_at >= coalesce(last_requested_at, scans.queued_at))
            )[:50]
        ),
        '[]'
    ) AS scans
FROM scans
LEFT JOIN history USING (source, scanner)
WHERE status = 'queued'
GROUP BY source, scanner
ORDER BY source, scanner
