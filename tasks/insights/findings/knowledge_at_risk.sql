-- The domains in use that rest on one person, and those whose first by knowledge is gone, with since when.
SELECT
    experts.domain,
    experts.people,
    experts.active_people,
    experts.expert_user_id,
    experts.expert_share,
    experts.runner_up_user_id,
    experts.runner_up_share,
    experts.available_user_id,
    experts.bus_factor,
    experts.has_single_holder,
    experts.has_lost_expert,
    experts.confidence,
    users.updated_at AS left_at,
    experts.as_of,
    experts.is_sample
FROM insights.domain_experts AS experts
LEFT JOIN known_users(CAST($as_of AS TIMESTAMPTZ)) AS users
    ON users.user_id = experts.expert_user_id AND experts.has_lost_expert AND NOT users.is_deleted
WHERE
    NOT experts.is_rollup AND experts.expert_level <> 'insufficient_evidence'
    AND (
        experts.has_lost_expert
        OR (experts.has_single_holder AND day_before(CAST($as_of AS TIMESTAMPTZ), experts.last_active_at) < $window_days)
    )
ORDER BY experts.domain
