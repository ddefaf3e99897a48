-- Everybody whom the platform lists, and everybody who acted, with what it stores of their preferences.
SELECT
    user_id,
    coalesce(listed.role, acted.role) AS role,
    listed.team,
    coalesce(acted.is_active, listed.is_active, true) AS is_active,
    coalesce(acted.is_bot, listed.is_bot OR ($bot_pattern <> '' AND regexp_matches(user_id, $bot_pattern))) AS is_bot,
    coalesce(acted.events, 0) AS events,
    acted.first_at AS first_active_at,
    acted.last_at AS last_active_at,
    acted.presence,
    CASE WHEN json_type(listed.preferences) = 'OBJECT' THEN listed.preferences END AS stored,
    coalesce(listed.is_sample, (SELECT is_sample FROM state.expertise), false) AS is_sample
FROM (
    FROM known_users(CAST($as_of AS TIMESTAMPTZ)) WHERE NOT is_deleted AND coalesce(created_at < CAST($as_of AS TIMESTAMPTZ), true)
) AS listed
FULL JOIN state.expertise_users AS acted USING (user_id)
