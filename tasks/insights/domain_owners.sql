-- Declared owners with what they did, and the first by knowledge where nobody declared them.
WITH declared AS (
    SELECT domain, user_id, count(*) OVER (PARTITION BY domain) AS declared_owners
    FROM raw.owners
    WHERE NOT is_deleted
),
firsts AS (
    SELECT domain, expert_user_id AS user_id
    FROM insights.domain_experts
    WHERE confidence IN ('medium', 'high') AND domain <> 'all' AND EXISTS (FROM declared)
),
listed AS (
    SELECT domain, user_id FROM declared
    UNION
    SELECT domain, user_id FROM firsts
)
SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    domain,
    user_id,
    declared.user_id IS NOT NULL AS is_declared,
    CASE
        WHEN declared.user_id IS NOT NULL AND (NOT scores.is_active OR users.is_deleted OR NOT users.is_active) THEN 'left'
        WHEN declared.user_id IS NOT NULL AND scores.user_id IS NULL THEN 'without_acts'
        WHEN declared.user_id IS NOT NULL AND scores.knowledge_rank <= declared.declared_owners THEN 'confirmed'
        WHEN declared.user_id IS NOT NULL THEN 'outranked'
        WHEN max(declared.declared_owners) OVER (PARTITION BY domain) IS NULL THEN 'unowned'
        ELSE 'undeclared'
    END AS verdict,
    coalesce(max(declared.declared_owners) OVER (PARTITION BY domain), 0) AS declared_owners,
    scores.knowledge,
    scores.knowledge_share,
    scores.knowledge_rank,
    scores.availability_rank,
    scores.last_active_at,
    experts.confidence,
    coalesce(scores.is_sample, false) AS is_sample
FROM listed
LEFT JOIN declared USING (domain, user_id)
LEFT JOIN insights.expertise_scores AS scores USING (domain, user_id)
LEFT JOIN insights.domain_experts AS experts USING (domain)
LEFT JOIN raw.users AS users USING (user_id)
ORDER BY domain, user_id
