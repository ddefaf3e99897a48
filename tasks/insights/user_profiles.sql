-- The parts of a profile, put together. Breadth is added up from the least part to the greatest: in another order its last digits differ.
SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    people.* EXCLUDE (stored, is_sample),
    coalesce(standing.top_knowledge, '[]') AS top_knowledge,
    coalesce(standing.top_availability, '[]') AS top_availability,
    coalesce(standing.domains, 0) AS domains,
    exp(-list_sum(list_transform(standing.parts, lambda part: part / list_sum(standing.parts) * ln(part / list_sum(standing.parts)))))
        AS breadth,
    standing.depth,
    coalesce(recent_acts.recent_acts, '[]') AS recent_acts,
    coalesce(recent_acts.recent_events, 0) AS recent_events,
    coalesce(preferences.preferences, '{}') AS preferences,
    people.is_sample
FROM people
LEFT JOIN standing USING (user_id)
LEFT JOIN recent_acts USING (user_id)
LEFT JOIN preferences USING (user_id)
