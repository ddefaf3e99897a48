-- Who may not log in any more and, in domains in use, is among the few that hold half of the knowledge; one row a person, the domains
-- by share. Who was last seen before the window left long ago.
WITH held AS (
    SELECT
        scores.user_id,
        scores.domain,
        scores.knowledge_share,
        scores.knowledge_rank,
        scores.level,
        experts.bus_factor,
        experts.available_user_id,
        scores.is_sample
    FROM insights.expertise_scores AS scores
    INNER JOIN insights.domain_experts AS experts USING (domain)
    WHERE
        NOT scores.is_active AND NOT scores.is_bot AND NOT experts.is_rollup
        AND scores.level IN ('competent', 'proficient', 'expert') AND scores.knowledge_rank <= experts.bus_factor
        AND day_before(CAST($as_of AS TIMESTAMPTZ), experts.last_active_at) < $window_days
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    held.user_id,
    anywhere.last_active_at,
    list(
        struct_pack(
            domain := held.domain,
            share := held.knowledge_share,
            place := held.knowledge_rank,
            level := held.level,
            bus_factor := held.bus_factor,
            heir := held.available_user_id
        )
        ORDER BY held.knowledge_share DESC, held.domain
    ) AS domains,
    bool_or(held.is_sample) AS is_sample
FROM held
INNER JOIN insights.expertise_scores AS anywhere ON anywhere.user_id = held.user_id AND anywhere.domain = 'all'
LEFT JOIN known_users(CAST($as_of AS TIMESTAMPTZ)) AS users ON users.user_id = held.user_id
WHERE
    day_before(CAST($as_of AS TIMESTAMPTZ), anywhere.last_active_at) < $window_days
    -- As long as their record has not changed, they have not gone.
    AND coalesce(users.updated_at < CAST($as_of AS TIMESTAMPTZ), true)
GROUP BY held.user_id, anywhere.last_active_at
ORDER BY held.user_id
