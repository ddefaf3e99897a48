-- Counts and times per environment x service of each week and each month: of the month that $as_of lies in, of the $months before it, and
-- of the weeks in all of these. A place has a part for each period since it is known, of nothing where nothing ended.
WITH counts AS MATERIALIZED (
    SELECT *
    FROM deployment_counts_as_of(
        CAST($as_of AS TIMESTAMPTZ),
        period_start('month', CAST($as_of AS TIMESTAMPTZ)) - to_months(CAST($months AS INTEGER)),
        $gap_seconds,
        $bound_seconds,
        $lead_bound_seconds,
        $rework_seconds,
        $link_seconds,
        CAST($environments AS MAP(VARCHAR, VARCHAR)),
        ['week', 'month']
    )
    WHERE start_at IS NOT NULL
),

places AS (
    SELECT
        environment,
        service,
        any_value(known_since) AS known_since,
        any_value(team) AS team,
        bool_or(knows_incidents) AS knows_incidents,
        bool_or(is_sample) AS is_sample
    FROM counts
    GROUP BY environment, service
),

spans AS (
    SELECT 'month' AS period, start_at, start_at + INTERVAL 1 MONTH AS end_at
    FROM (
        SELECT unnest(generate_series(
            period_start('month', CAST($as_of AS TIMESTAMPTZ)) - to_months(CAST($months AS INTEGER)),
            CAST($as_of AS TIMESTAMPTZ) - INTERVAL 1 MICROSECOND,
            INTERVAL 1 MONTH
        )) AS start_at
    )
    UNION ALL
    SELECT 'week' AS period, start_at, start_at + INTERVAL 7 DAY AS end_at
    FROM (
        SELECT unnest(generate_series(
            period_start(
                'week',
                period_start('month', CAST($as_of AS TIMESTAMPTZ)) - to_months(CAST($months AS INTEGER)) + INTERVAL 6 DAY
            ),
            CAST($as_of AS TIMESTAMPTZ) - INTERVAL 1 MICROSECOND,
            INTERVAL 7 DAY
        )) AS start_at
    )
)

SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    spans.period,
    spans.start_at,
    least(spans.end_at, CAST($as_of AS TIMESTAMPTZ)) AS end_at,
    spans.end_at <= CAST($as_of AS TIMESTAMPTZ) AS is_complete,
    places.*,
    counts.* EXCLUDE (period, start_at, environment, service, known_since, team, knows_incidents, is_sample)
FROM places
INNER JOIN spans ON spans.end_at > places.known_since
LEFT JOIN counts USING (period, start_at, environment, service)
ORDER BY period, start_at, environment, service
