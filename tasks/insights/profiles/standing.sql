-- What each user knows best and can help with most, of the domains that no others lie under. The least of negative numbers are the
-- greatest, and of equals the first by name; shares that are NULL, as those of bots, come last.
SELECT
    user_id,
    count(*) AS domains,
    max(knowledge_share) AS depth,
    list_sort(list(events)) AS parts,
    CAST(
        to_json(
            list_transform(
                min(
                    struct_pack(share := -knowledge_share, score := -knowledge, domain := domain, place := knowledge_rank, level := level),
                    5
                ),
                lambda one: {
                    'domain': one.domain,
                    'knowledge': -one.score,
                    'knowledge_share': -one.share,
                    'knowledge_rank': one.place,
                    'level': one.level
                }
            )
        ) AS VARCHAR
    ) AS top_knowledge,
    CAST(
        to_json(
            list_transform(
                min(
                    struct_pack(
                        share := -availability_share, score := -availability, domain := domain, place := availability_rank, level := level
                    ),
                    5
                ) FILTER (WHERE availability IS NOT NULL),
                lambda one: {
                    'domain': one.domain,
                    'availability': -one.score,
                    'availability_share': -one.share,
                    'availability_rank': one.place,
                    'level': one.level
                }
            )
        ) AS VARCHAR
    ) AS top_availability
FROM insights.expertise_scores
WHERE NOT is_rollup AND domain <> 'all'
GROUP BY user_id
