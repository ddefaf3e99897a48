-- What each person did in each domain from $since until $until, as sums. An act counts once it has ended, so a running or canceled one
-- does not.
--   knowledge_units     weight of the action, outcome, size; shared among the domains that a bulk act touched
--   availability_units  weight of the action, outcome; twice as much for every half-life that it is later than $reference_at
SELECT
    coalesce(person_id, user_id) AS user_id,
    -- A name that would be taken for the rows over everything is set apart.
    CASE domain WHEN 'all' THEN '"all"' ELSE domain END AS domain,
    sum(
        in_units(
            weight_of(action, $knowledge_actions, $knowledge_weights)
            * CASE status WHEN 'failed' THEN CAST($failed_weight AS DOUBLE) ELSE 1e0 END
            * (1e0 + ln(greatest(coalesce(item_count, 1), 1))) / coalesce(domain_count, 1)
        )
    ) AS knowledge_units,
    sum(
        in_units(
            weight_of(action, $availability_actions, $availability_weights)
            * CASE status WHEN 'failed' THEN CAST($failed_weight AS DOUBLE) ELSE 1e0 END
            * decayed(occurred_at, CAST($reference_at AS TIMESTAMPTZ), $half_life_days)
        )
    ) AS availability_units,
    count(*) AS events,
    count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM raw.activity
LEFT JOIN persons() USING (user_id)
WHERE
    NOT is_deleted AND status IN ('succeeded', 'failed') AND user_id IS NOT NULL AND domain IS NOT NULL
    AND occurred_at >= CAST($since AS TIMESTAMPTZ) AND occurred_at < CAST($until AS TIMESTAMPTZ)
GROUP BY ALL
