-- Each user who did anything, with what concerns all domains at once.
INSERT INTO state.expertise_users BY NAME
SELECT
    user_id,
    known.role,
    -- Whom the platform does not list may well be there; whom it no longer lists is not.
    coalesce(known.is_active, true) AS is_active,
    ($bot_acts_per_day > 0 AND events > $bot_acts_per_day * greatest(seconds_between(first_at, last_at) / 86400, 30))
        OR ($bot_pattern <> '' AND regexp_matches(user_id, $bot_pattern))
        OR coalesce(known.is_bot, false) AS is_bot,
    events,
    first_at,
    last_at,
    decayed(last_at, as_of, half_life_days) AS presence,
    knowledge_units,
    CAST(undecayed_units * decayed(reference_at, as_of, half_life_days) * decayed(last_at, as_of, half_life_days) AS HUGEINT)
        AS availability_units
FROM (
    SELECT
        user_id,
        sum(events) AS events,
        min(first_at) AS first_at,
        max(last_at) AS last_at,
        sum(knowledge_units) AS knowledge_units,
        sum(availability_units) AS undecayed_units
    FROM (FROM state.expertise_carried UNION ALL FROM state.expertise_recent)
    GROUP BY user_id
)
LEFT JOIN known_users(CAST($as_of AS TIMESTAMPTZ)) AS known USING (user_id)
CROSS JOIN state.expertise
