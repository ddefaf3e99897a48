SELECT verdict, subject AS scan_id, data_source, scan_type, status, evidence, finish_low_at, finish_high_at, no_finish_reason,
       is_sample
FROM insights.active_scans
ORDER BY dead_probability DESC NULLS LAST, elapsed_seconds DESC NULLS LAST, subject
