-- The sums of expertise_scores as anybody would write them: floating-point, of everything, nothing kept.
SELECT count(*) AS pairs, sum(knowledge + availability) AS total, sum(events + succeeded) AS counts, min(first_at), max(last_at)
FROM (
    SELECT
        user_id,
        domain,
        sum(
            CASE action WHEN 'create' THEN 4e0 WHEN 'coauthor' THEN .5e0 ELSE 1e0 END * CASE status WHEN 'failed' THEN .5e0 ELSE 1e0 END
            * (1e0 + ln(greatest(coalesce(item_count, 1), 1))) / coalesce(domain_count, 1)
        ) AS knowledge,
        sum(
            CASE status WHEN 'failed' THEN .5e0 ELSE 1e0 END
            * pow(2e0, (epoch_us(occurred_at) - epoch_us(TIMESTAMPTZ '2026-09-27 00:00:00+00')) / (180e0 * 86400e6))
        ) AS availability,
        count(*) AS events,
        count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
        min(occurred_at) AS first_at,
        max(occurred_at) AS last_at
    FROM raw.activity
    WHERE NOT is_deleted AND status IN ('succeeded', 'failed') AND user_id IS NOT NULL AND domain IS NOT NULL
    GROUP BY user_id, domain
)
