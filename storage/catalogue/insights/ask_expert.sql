-- Whom to ask about a domain: the first five by knowledge and the first five by availability, the first of either kind on top.
CREATE MACRO published.insights.ask_expert(asked) AS TABLE
SELECT
    user_id,
    role,
    level,
    knowledge_rank,
    knowledge_share,
    availability_rank,
    availability_share,
    events,
    last_active_at,
    is_active,
    domain,
    as_of
FROM insights.expertise_scores
WHERE domain = asked AND (knowledge_rank <= 5 OR availability_rank <= 5)
ORDER BY least(knowledge_rank, availability_rank), knowledge_rank, user_id
