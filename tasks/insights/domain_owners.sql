-- Declared owners with what they did, and the first by knowledge where nobody declared them, nor a team of theirs. A team is a name that
-- is nobody's id, but somebody's team.
WITH people AS (
    SELECT user_id, team, is_active FROM known_users(CAST($as_of AS TIMESTAMPTZ))
),

owners AS (
    SELECT user_id, false AS is_team, is_active FROM people
    UNION ALL
    SELECT team, true, bool_or(is_active) FROM people WHERE team NOT IN (SELECT user_id FROM people) GROUP BY team
),

scores AS (
    SELECT domain, user_id, false AS is_team, is_active, knowledge, knowledge_share, knowledge_rank, availability_rank, last_active_at,
        is_sample
    FROM insights.expertise_scores
    UNION ALL
    SELECT domain, team, true, NULL, sum(knowledge), sum(knowledge_share), min(knowledge_rank), min(availability_rank),
        max(last_active_at), bool_or(is_sample)
    FROM insights.expertise_scores
    INNER JOIN people USING (user_id)
    WHERE team IS NOT NULL
    GROUP BY domain, team
),

declared AS (
    SELECT named.*, coalesce(owners.is_team, false) AS is_team, count(*) OVER (PARTITION BY domain) AS declared_owners
    FROM (
        SELECT DISTINCT domain, coalesce(person_id, user_id) AS user_id
        FROM raw.owners
        LEFT JOIN persons() USING (user_id)
        WHERE NOT is_deleted
    ) AS named
    LEFT JOIN owners USING (user_id)
),

-- Who was declared once, and is not any more.
former AS (
    SELECT DISTINCT domain, coalesce(person_id, user_id) AS user_id
    FROM raw.owners
    LEFT JOIN persons() USING (user_id)
    WHERE is_deleted
),

firsts AS (
    SELECT experts.domain, experts.expert_user_id AS user_id, false AS is_team
    FROM insights.domain_experts AS experts
    LEFT JOIN people ON people.user_id = experts.expert_user_id
    LEFT JOIN declared ON declared.domain = experts.domain AND declared.is_team AND declared.user_id = people.team
    WHERE
        experts.confidence IN ('medium', 'high') AND experts.domain <> 'all' AND declared.user_id IS NULL
        AND EXISTS (SELECT 1 FROM declared)
),

listed AS (
    SELECT domain, user_id, is_team FROM declared
    UNION
    SELECT domain, user_id, is_team FROM firsts
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    domain,
    user_id,
    declared.user_id IS NOT NULL AS is_declared,
    CASE
        WHEN declared.user_id IS NOT NULL AND (NOT scores.is_active OR NOT owners.is_active) THEN 'left'
        WHEN declared.user_id IS NOT NULL AND scores.user_id IS NULL THEN 'without_acts'
        WHEN declared.user_id IS NOT NULL AND scores.knowledge_rank <= declared.declared_owners THEN 'confirmed'
        WHEN declared.user_id IS NOT NULL THEN 'outranked'
        WHEN (domain, user_id) IN (SELECT (domain, user_id) FROM former) THEN 'reassigned'
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
    coalesce(scores.is_sample, false) AS is_sample,
    is_team
FROM listed
LEFT JOIN declared USING (domain, user_id, is_team)
LEFT JOIN scores USING (domain, user_id, is_team)
LEFT JOIN owners USING (user_id, is_team)
LEFT JOIN insights.domain_experts AS experts USING (domain)
ORDER BY domain, user_id
