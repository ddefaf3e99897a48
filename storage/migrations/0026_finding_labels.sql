-- What a finding is about is a subject and labels, no longer one text of both with " / " between. The ids stay: they only tell rows apart.
ALTER TABLE insights.performance_insights ADD COLUMN labels JSON;

UPDATE insights.performance_insights
SET
    labels = CASE kind
        WHEN 'disk_full' THEN json_object('filesystem', 'mountpoint=' || regexp_extract(subject, '^.*? / (.*)$', 1, 's'))
        WHEN 'memory_leak' THEN json_object('part', regexp_extract(subject, '^.*? / (.*)$', 1, 's'))
        WHEN 'deployment_failures' THEN json_object('environment', regexp_extract(subject, '^(.*?) / .*$', 1, 's'))
        WHEN 'scan_slowdown' THEN json_object('scan_type', regexp_extract(subject, '^.* / (.*)$', 1, 's'))
        ELSE '{}'
    END,
    subject = CASE
        WHEN kind IN ('disk_full', 'memory_leak', 'sustained_cpu', 'cpu_spike') THEN regexp_extract(subject, '^(.*?) / .*$', 1, 's')
        WHEN kind = 'deployment_failures' THEN regexp_extract(subject, '^.*? / (.*)$', 1, 's')
        WHEN kind = 'scan_slowdown' THEN regexp_extract(subject, '^(.*) / .*$', 1, 's')
        ELSE subject
    END;
