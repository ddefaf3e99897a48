-- One row per data_source x scan_type: its unfinished scans, and the runs by which they are judged, the newest last.
-- A run that succeeded says how long the scan takes. One that failed may have ended early, one that was canceled was cut off, and
-- either may have been dead for hours before somebody said so: of these only the longest are kept, to count the dead among them.
WITH scans AS (
    SELECT
        data_source,
        scan_type,
        ended_at,
        started_at,
        queue_seconds,
        CASE WHEN status = 'succeeded' THEN run_seconds END AS success_seconds,
        CASE WHEN status IN ('failed', 'canceled') THEN run_seconds END AS unsuccessful_seconds,
        CASE
            WHEN ended_at IS NULL
                THEN struct_pack(
                    scan_id := scan_id,
                    name := name,
                    status := status,
                    queued_at := queued_at,
                    started_at := started_at,
                    -- Running without a start: the time since it was asked for is the best that is known.
                    elapsed_seconds := seconds_between(coalesce(started_at, queued_at), CAST($as_of AS TIMESTAMPTZ)),
                    changed_seconds := seconds_between(coalesce(started_at, queued_at), changed_at),
                    triggered_by := triggered_by,
                    is_sample := is_sample
                )
        END AS unfinished
    FROM scans_as_of($as_of)
    WHERE ended_at IS NULL OR ended_at >= CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER))
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
    seconds_between(scans_known_until(CAST($as_of AS TIMESTAMPTZ)), CAST($as_of AS TIMESTAMPTZ)) AS unread_seconds,
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
