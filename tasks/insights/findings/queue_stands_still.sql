-- The queues that stand still: of a source as a whole, else of single scanners. The scans that wait are evidence.
SELECT
    queues.source,
    queues.scanner,
    queues.subject,
    queues.waiting,
    queues.waiting_since,
    queues.last_started_at,
    queues.still_seconds,
    queues.limit_seconds,
    queues.starts,
    queues.evidence,
    queues.scans,
    queues.as_of,
    queues.is_sample
FROM insights.scan_queues AS queues
WHERE queues.verdict = 'stands_still' AND NOT queues.is_covered
ORDER BY queues.subject
