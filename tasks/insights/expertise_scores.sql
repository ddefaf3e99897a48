-- What each person did in each domain from $since until $until, as sums. An act counts once it has ended, so a running or canceled one
-- does not.
--   knowledge_units     weight of the action, outcome, size; less in each of the domains that a bulk act touched
--   availability_units  weight of the action, outcome; twice as much for every half-life that it is later than $reference_at
--   lasting_units       what acts that weigh more than 1 have of the knowledge
-- Acts of hours in which a person did more than people do by hand count like one bulk act for each UTC day. What they count less is
-- summed apart and subtracted, for such hours are few. So $since has to be the beginning of a day.
WITH acts AS (
    SELECT
        coalesce(person_id, user_id) AS user_id,
        -- A name that would be taken for the rows over everything is set apart.
        CASE domain WHEN 'all' THEN '"all"' ELSE domain END AS domain,
        occurred_at,
        status,
        coalesce(domain_count, 1) AS domains,
        weight_of(action, $knowledge_actions, $knowledge_weights) > 1 AS is_lasting,
        weight_of(action, $knowledge_actions, $knowledge_weights)
        * CASE status WHEN 'failed' THEN CAST($failed_weight AS DOUBLE) ELSE 1e0 END
        * (1e0 + ln(greatest(coalesce(item_count, 1), 1))) AS knowledge,
        weight_of(action, $availability_actions, $availability_weights)
        * CASE status WHEN 'failed' THEN CAST($failed_weight AS DOUBLE) ELSE 1e0 END
        * decayed(occurred_at, CAST($reference_at AS TIMESTAMPTZ), $half_life_days) AS availability
    FROM raw.activity
    LEFT JOIN persons() USING (user_id)
    WHERE
        NOT is_deleted AND status IN ('succeeded', 'failed') AND user_id IS NOT NULL AND domain IS NOT NULL
        AND occurred_at >= CAST($since AS TIMESTAMPTZ) AND occurred_at < CAST($until AS TIMESTAMPTZ)
),

-- Counting acts in heaps shows cheaply where one person may have made many: exact counts of every hour would cost more than the sums.
heaps AS MATERIALIZED (
    SELECT heap_of(user_id, occurred_at) AS heap
    FROM acts
    GROUP BY heap
    HAVING count(*) > CAST($by_hand_per_hour AS DOUBLE)
),

suspects AS MATERIALIZED (
    SELECT *, epoch_us(occurred_at) // 3600000000 AS hour, epoch_us(occurred_at) // 86400000000 AS day
    FROM acts
    WHERE heap_of(user_id, occurred_at) IN (SELECT heap FROM heaps)
),

-- To which part the acts of an hour are taken to be in bulk. An act over several domains is one.
hours AS (
    SELECT
        user_id,
        hour,
        least((acts - CAST($by_hand_per_hour AS DOUBLE)) / (CAST($in_bulk_per_hour AS DOUBLE) - CAST($by_hand_per_hour AS DOUBLE)), 1e0)
            AS bulk
    FROM (SELECT user_id, hour, of_units(sum(in_units(1e0 / domains))) AS acts FROM suspects GROUP BY user_id, hour)
    WHERE acts > CAST($by_hand_per_hour AS DOUBLE)
),

bursts AS (
    SELECT
        suspects.*,
        bulk,
        of_units(sum(in_units(bulk)) OVER (PARTITION BY user_id, day, domain)) AS acts_in_bulk,
        greatest(domains, count(DISTINCT domain) OVER (PARTITION BY user_id, day)) AS domains_in_bulk
    FROM suspects
    INNER JOIN hours USING (user_id, hour)
),

too_much AS (
    SELECT
        user_id,
        domain,
        sum(knowledge_units) AS knowledge_units,
        sum(availability_units) AS availability_units,
        sum(CASE WHEN is_lasting THEN knowledge_units ELSE 0 END) AS lasting_units
    FROM (
        SELECT
            user_id,
            domain,
            is_lasting,
            in_units(knowledge * known_of_each(domains))
            - in_units(knowledge * not_in_bulk(bulk, acts_in_bulk, known_of_each(domains), known_of_each(domains_in_bulk)))
                AS knowledge_units,
            in_units(availability * available_of_each(domains))
            - in_units(
                availability * not_in_bulk(bulk, acts_in_bulk, available_of_each(domains), available_of_each(domains_in_bulk))
            ) AS availability_units
        FROM bursts
    )
    GROUP BY user_id, domain
),

sums AS (
    SELECT
        user_id,
        domain,
        sum(in_units(knowledge * known_of_each(domains))) AS knowledge_units,
        sum(in_units(availability * available_of_each(domains))) AS availability_units,
        count(*) AS events,
        count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
        min(occurred_at) AS first_at,
        max(occurred_at) AS last_at,
        coalesce(sum(in_units(knowledge * known_of_each(domains))) FILTER (WHERE is_lasting), 0) AS lasting_units
    FROM acts
    GROUP BY user_id, domain
)

SELECT
    user_id,
    domain,
    sums.knowledge_units - coalesce(too_much.knowledge_units, 0) AS knowledge_units,
    sums.availability_units - coalesce(too_much.availability_units, 0) AS availability_units,
    events,
    succeeded,
    first_at,
    last_at,
    sums.lasting_units - coalesce(too_much.lasting_units, 0) AS lasting_units
FROM sums
LEFT JOIN too_much USING (user_id, domain)
