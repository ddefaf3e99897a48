-- One row per kind of limit x data_source x scan_type that it is about: the run that it concerns now, and the earlier ones by which that
-- is judged, the newest last. A time of day concerns the run requested within the 24 hours before it; while that one is late, it stays
-- the one in question. All is as of when the source was last read: what has happened since is not known.
WITH limits AS (
    SELECT unnest(from_json($limits, '[{"kind": "VARCHAR", "position": "INTEGER", "data_sources": "VARCHAR", "scan_types": "VARCHAR", "longest_seconds": "DOUBLE", "done_by": "VARCHAR", "zone": "VARCHAR", "days": ["VARCHAR"]}]'), max_depth := 2) -- noqa: LT05
),

every_scan AS MATERIALIZED (
    SELECT *, coalesce(queued_at, started_at) AS asked_at
    FROM scans_as_of(CAST($as_of AS TIMESTAMPTZ)) AS scans
    WHERE
        outdated_reason IS NULL
        AND coalesce(queued_at, started_at) >= CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER))
        AND EXISTS (
            SELECT 1 FROM limits
            WHERE scans.data_source GLOB limits.data_sources AND scans.scan_type GLOB limits.scan_types
        )
),

-- Of several limits of a kind the first one that fits counts.
groups AS (
    SELECT limits.kind, scans.*, limits.longest_seconds, limits.done_by, limits.zone, limits.days
    FROM (
        SELECT
            data_source,
            scan_type,
            max_by(known_until, asked_at) AS known_until,
            min(asked_at) AS first_asked_at,
            max(asked_at) FILTER (WHERE status = 'succeeded') AS succeeded_asked_at,
            bool_or(is_sample) AS is_sample
        FROM every_scan
        GROUP BY data_source, scan_type
    ) AS scans
    INNER JOIN limits ON scans.data_source GLOB limits.data_sources AND scans.scan_type GLOB limits.scan_types
    QUALIFY row_number() OVER (PARTITION BY limits.kind, scans.data_source, scans.scan_type ORDER BY limits.position) = 1
),

deadlines AS (
    SELECT data_source, scan_type, known_until, succeeded_asked_at, due_at
    FROM (
        SELECT groups.*, strftime(days.day, '%a') AS weekday, timezone(zone, CAST(days.day AS DATE) + CAST(done_by AS TIME)) AS due_at
        FROM groups
        CROSS JOIN (
            SELECT unnest(
                generate_series(
                    CAST(CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)) AS DATE),
                    CAST(CAST($as_of AS TIMESTAMPTZ) AS DATE) + 9,
                    INTERVAL 1 DAY
                )
            ) AS day
        ) AS days
        WHERE kind = 'done_by'
    )
    WHERE list_contains(days, weekday) AND due_at > first_asked_at
),

-- What was requested within the 24 hours before a deadline.
nights AS (
    SELECT
        deadlines.data_source,
        deadlines.scan_type,
        deadlines.due_at,
        any_value(deadlines.known_until) AS known_until,
        any_value(deadlines.succeeded_asked_at) AS succeeded_asked_at,
        min(asked.asked_at) AS asked_at,
        min(asked.ended_at) FILTER (WHERE asked.status = 'succeeded') AS done_at,
        coalesce(bool_or(asked.status IN ('failed', 'canceled')), false) AS has_failed,
        coalesce(bool_or(asked.asked_at IS NOT NULL AND asked.ended_at IS NULL), false) AS is_unfinished
    FROM deadlines
    LEFT JOIN (
        SELECT every_scan.*, deadlines.due_at
        FROM every_scan
        ASOF INNER JOIN deadlines
            ON
                every_scan.data_source = deadlines.data_source
                AND every_scan.scan_type = deadlines.scan_type
                AND every_scan.asked_at <= deadlines.due_at
        WHERE every_scan.asked_at > deadlines.due_at - INTERVAL 24 HOUR
    ) AS asked USING (data_source, scan_type, due_at)
    GROUP BY deadlines.data_source, deadlines.scan_type, deadlines.due_at
),

-- The next deadline, or the last one for as long as nothing requested for it, or since, has succeeded.
current_nights AS (
    SELECT
        data_source,
        scan_type,
        CASE
            WHEN any_value(succeeded_asked_at) > max(due_at) FILTER (WHERE is_over) - INTERVAL 24 HOUR
                THEN min(due_at) FILTER (WHERE NOT is_over)
            ELSE coalesce(max(due_at) FILTER (WHERE is_over), min(due_at) FILTER (WHERE NOT is_over))
        END AS due_at
    FROM (SELECT *, due_at <= known_until AS is_over FROM nights)
    GROUP BY data_source, scan_type
),

earlier_nights AS (
    SELECT
        data_source,
        scan_type,
        max(
            struct_pack(
                due_at := nights.due_at,
                asked_seconds := seconds_between(nights.due_at - INTERVAL 24 HOUR, nights.asked_at),
                took_seconds := CASE WHEN nights.done_at >= nights.asked_at THEN seconds_between(nights.asked_at, nights.done_at) END,
                has_failed := nights.has_failed
            ),
            60
        ) AS latest
    FROM nights
    INNER JOIN current_nights USING (data_source, scan_type)
    WHERE
        nights.due_at < current_nights.due_at
        AND nights.due_at <= nights.known_until
        -- What is a day late is not done; what is less late may be yet.
        AND (NOT nights.is_unfinished OR nights.due_at < nights.known_until - INTERVAL 24 HOUR)
    GROUP BY data_source, scan_type
),

-- The run in question: of a time of day the last one requested for it; of a length the one that has been running longest.
current_runs AS (
    SELECT
        groups.kind,
        data_source,
        scan_type,
        count(*) FILTER (WHERE every_scan.status = 'running') AS running,
        min(every_scan.asked_at) AS asked_at,
        min(every_scan.ended_at) FILTER (WHERE every_scan.status = 'succeeded') AS done_at,
        max_by(
            struct_pack(
                scan_id := every_scan.scan_id,
                source := every_scan.source,
                status := every_scan.status,
                started_at := every_scan.started_at
            ),
            struct_pack(
                is_unfinished := every_scan.ended_at IS NULL,
                place := CASE WHEN groups.kind = 'done_by' THEN epoch_us(every_scan.asked_at) ELSE -epoch_us(every_scan.started_at) END
            )
        ) AS run
    FROM every_scan
    INNER JOIN groups USING (data_source, scan_type)
    LEFT JOIN current_nights USING (data_source, scan_type)
    WHERE CASE
        WHEN groups.kind = 'done_by' THEN every_scan.asked_at > current_nights.due_at - INTERVAL 24 HOUR
        ELSE every_scan.status = 'running'
    END
    GROUP BY groups.kind, data_source, scan_type
),

runs AS (
    SELECT data_source, scan_type, max(struct_pack(ended_at := ended_at, seconds := run_seconds), 60) AS latest
    FROM every_scan
    WHERE run_seconds >= 0
    GROUP BY data_source, scan_type
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    kind,
    data_source,
    scan_type,
    groups.known_until,
    groups.is_sample,
    groups.longest_seconds,
    groups.done_by,
    groups.zone,
    current_runs.running,
    current_runs.asked_at,
    current_runs.done_at,
    current_runs.run.scan_id AS scan_id,
    current_runs.run.source AS source,
    current_runs.run.status AS status,
    current_runs.run.started_at AS started_at,
    CASE WHEN kind = 'done_by' THEN current_nights.due_at END AS due_at,
    CASE WHEN kind = 'done_by' THEN list_reverse(earlier_nights.latest) END AS nights,
    list_transform(list_reverse(runs.latest), lambda one: one.seconds) AS run_seconds
FROM groups
LEFT JOIN current_nights USING (data_source, scan_type)
LEFT JOIN earlier_nights USING (data_source, scan_type)
LEFT JOIN current_runs USING (kind, data_source, scan_type)
LEFT JOIN runs USING (data_source, scan_type)
ORDER BY kind, data_source, scan_type
