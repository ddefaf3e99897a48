-- Per domain what its people are in two orders. Running sums in those orders are the same each time, however many threads add.
WITH ordered AS (
    SELECT
        *,
        row_number() OVER by_knowledge AS place,
        sum(knowledge) OVER (by_knowledge ROWS UNBOUNDED PRECEDING) AS held,
        row_number() OVER by_availability AS available_place,
        sum(availability) OVER (by_availability ROWS UNBOUNDED PRECEDING) AS available_held
    FROM insights.expertise_scores
    WHERE as_of = CAST($as_of AS TIMESTAMPTZ)
    WINDOW
        by_knowledge AS (PARTITION BY domain, is_bot ORDER BY knowledge_rank, availability_rank, user_id),
        by_availability AS (PARTITION BY domain, is_bot ORDER BY availability_rank, knowledge_rank, user_id)
),
totals AS (
    SELECT domain, max(held) FILTER (WHERE NOT is_bot) AS knowledge, max(available_held) FILTER (WHERE NOT is_bot) AS availability
    FROM ordered
    GROUP BY domain
)
SELECT
    as_of,
    domain,
    bool_or(is_rollup) AS is_rollup,
    count(*) FILTER (WHERE NOT is_bot) AS people,
    count(*) FILTER (WHERE is_active AND NOT is_bot) AS active_people,
    CAST(coalesce(sum(events) FILTER (WHERE NOT is_bot), 0) AS BIGINT) AS events,
    coalesce(totals.knowledge, 0) AS knowledge,
    max(last_active_at) AS last_active_at,
    max(user_id) FILTER (WHERE place = 1 AND NOT is_bot) AS expert_user_id,
    max(knowledge_share) FILTER (WHERE place = 1) AS expert_share,
    max(level) FILTER (WHERE place = 1 AND NOT is_bot) AS expert_level,
    max(user_id) FILTER (WHERE place = 2 AND NOT is_bot) AS runner_up_user_id,
    max(knowledge_share) FILTER (WHERE place = 2) AS runner_up_share,
    (
        max(ordered.knowledge) FILTER (WHERE place = 1 AND NOT is_bot)
        - coalesce(max(ordered.knowledge) FILTER (WHERE place = 2 AND NOT is_bot), 0)
    ) / (totals.knowledge + 1) AS margin,
    max(user_id) FILTER (WHERE available_place = 1 AND availability_rank IS NOT NULL) AS available_user_id,
    max(availability_share) FILTER (WHERE available_place = 1) AS available_share,
    max(user_id) FILTER (WHERE available_place = 2 AND availability_rank IS NOT NULL) AS next_available_user_id,
    max(availability_share) FILTER (WHERE available_place = 2) AS next_available_share,
    (
        max(ordered.availability) FILTER (WHERE available_place = 1)
        - coalesce(max(ordered.availability) FILTER (WHERE available_place = 2), 0)
    ) / (totals.availability + 1) AS availability_margin,
    nullif(count(*) FILTER (WHERE NOT is_bot AND 2 * (held - ordered.knowledge) < totals.knowledge), 0) AS bus_factor,
    coalesce(bool_or(NOT is_active) FILTER (WHERE place = 1 AND NOT is_bot), false) AS has_lost_expert,
    is_sample,
    definition
FROM ordered
JOIN totals USING (domain)
GROUP BY as_of, domain, is_sample, definition, totals.knowledge, totals.availability
ORDER BY domain
