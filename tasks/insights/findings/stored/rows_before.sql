-- All rows of the subjects that $as_of found, or that it may close or take back.
SELECT *
FROM insights.performance_insights SEMI JOIN (
    SELECT kind, subject, labels FROM found
    UNION
    SELECT kind, subject, labels FROM insights.performance_insights
    WHERE first_found_at <= $as_of AND (ended_at IS NULL OR ended_at > $as_of)
) USING (kind, subject, labels)
ORDER BY first_found_at
