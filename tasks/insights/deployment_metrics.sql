-- Counts and times per environment x service over the $window_days up to $as_of; of the times, lists that Python takes medians of.
SELECT * EXCLUDE (period, start_at) REPLACE (coalesce(outdated, 0) AS outdated)
FROM deployment_counts_as_of(
    CAST($as_of AS TIMESTAMPTZ),
    CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)),
    $gap_seconds,
    $bound_seconds,
    $lead_bound_seconds,
    $rework_seconds,
    $link_seconds,
    CAST($environments AS MAP(VARCHAR, VARCHAR)),
    ['window']
)
LEFT JOIN (
    SELECT environment, service, count(*) AS outdated
    FROM every_attempt_as_of(
        CAST($as_of AS TIMESTAMPTZ),
        CAST($as_of AS TIMESTAMPTZ) - to_days(CAST($window_days AS INTEGER)),
        CAST($environments AS MAP(VARCHAR, VARCHAR))
    )
    WHERE outdated_reason IS NOT NULL
    GROUP BY environment, service
) USING (environment, service)
ORDER BY environment, service
