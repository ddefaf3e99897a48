-- One row per data_source x scan_type: its unfinished scans, and the runs by which they are judged, the newest last.
-- A run that succeeded says how long the scan takes. One that failed may have ended early, one that was canceled was cut off, and
-- either may have been dead for hours before somebody said so: of these only the longest are kept, to count the dead among them.
-- Where two sources have a scan of one id, the first to appear goes by it alone.
WITH names AS (
    SELECT
        scan_id,
        source,
        row_number() OVER (PARTITION BY scan_id ORDER BY coalesce(queued_at, started_at, updated_at), source) = 1 AS is_first
    FROM raw.scans
    WHERE scan_id IN (SELECT scan_id FROM raw.scans WHERE status IN ('queued', 'running'))
),

-- What touches many rows at one instant, a scheduler or a clean-up, is no sign of life of any of them.
touched_together AS (
    SELECT source, updated_at AS changed_at, true AS is_shared
    FROM raw.scans
    WHERE updated_at IN (SELECT updated_at FROM raw.scans WHERE status IN ('queued', 'running') AND NOT is_deleted)
    GROUP BY source, updated_at
    HAVING count(*) >= 3
),

scans AS (
    SELECT
        data_source,
        scan_type,
        ended_at,
        started_at,
        CASE WHEN queue_seconds BETWEEN 0 AND $queue_bound_seconds THEN queue_seconds END AS queue_seconds,
        CASE WHEN status = 'succeeded' AND run_seconds >= 0 THEN run_seconds END AS success_seconds,
        CASE WHEN status IN ('failed', 'canceled') AND run_seconds >= 0 THEN run_seconds END AS unsuccessful_seconds,
        CASE
            WHEN ended_at IS NULL
                THEN struct_pack(
                    scan_id := scan_id,
                    source := source,
                    subject := CASE WHEN is_first THEN scan_id ELSE scan_id || ' (' || source || ')' END,
                    outdated_reason := outdated_reason,
                    unread_seconds := seconds_between(known_until, CAST($as_of AS TIMESTAMPTZ)),
                    name := name,
                    status := status,
                    queued_at := queued_at,
                    started_at := started_at,
                    -- Running without a start: the time since it was asked for is the best that is known.
                    elapsed_seconds := seconds_between(coalesce(started_at, queued_at), CAST($as_of AS TIMESTAMPTZ)),
                    changed_seconds := CASE
                        WHEN is_shared IS NULL THEN seconds_between(coalesce(started_at, queued_at), changed_at)
                    END,
                    triggered_by := triggered_by,
                    is_sample := is_sample
                )
        END AS unfinished
    FROM scans_as_of($as_of)
    LEFT JOIN names USING (scan_id, source)
    LEFT JOIN touched_together USING (source, changed_at)
    WHERE ended_at IS NULL OR (outdated_reason IS NULL AND ended_at >= CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)))
),

histories AS (
    SELECT
        data_source,
        scan_type,
        count(ended_at) AS ended,
        max(started_at) AS last_started_at,
        max(struct_pack(ended_at := ended_at, run := success_seconds, queue := queue_seconds), 100)
            FILTER (WHERE success_seconds IS NOT NULL) AS latest,
        max(unsuccessful_seconds, 100) AS unsuccessful_seconds,
        list(unfinished) FILTER (WHERE unfinished IS NOT NULL) AS unfinished
    FROM scans
    GROUP BY data_source, scan_type
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    CAST($window_days AS BIGINT) AS window_days,
    data_source,
    scan_type,
    ended,
    last_started_at,
    list_transform(list_reverse(latest), lambda one: one.run) AS run_seconds,
    list_transform(list_reverse(latest), lambda one: one.queue) AS queue_seconds,
    unsuccessful_seconds,
    unfinished
FROM histories
ORDER BY data_source, scan_type
