DROP VIEW insights.expertise_scores;

ALTER TABLE state.expertise_carried ADD COLUMN lasting_units HUGEINT;

ALTER TABLE state.expertise_recent ADD COLUMN lasting_units HUGEINT;

-- What each user knows of each domain, and who can help now. A view, because every availability falls with the clock, while the sums
-- that it is made of change only with what is done. Sums are of whole numbers, in units of 2^-40, so that their order does not matter.
-- Knowledge is that of definition 2: acts that weigh more than 1 last, of the others .45 stay and .55 fade with the time for which others
-- went on without the user; and who came later than others has less of it. Both are seen from the domain's last act, so that time alone
-- changes nothing.
CREATE VIEW insights.expertise_scores AS
WITH
-- Each domain with those that its acts count in: itself, what its name says it lies under, and `all`.
places AS (
    SELECT domain, place, bool_or(place <> domain) OVER (PARTITION BY place) AS is_rollup
    FROM (
        SELECT
            domain,
            unnest(
                list_distinct(
                    [domain, 'all'] || list_transform(
                        list_filter(
                            range(2, length(domain)),
                            lambda start: domain_separator <> '' AND substring(domain, start, length(domain_separator)) = domain_separator
                        ),
                        lambda start: left(domain, start - 1)
                    )
                )
            ) AS place
        FROM (SELECT domain FROM state.expertise_carried UNION SELECT domain FROM state.expertise_recent)
        CROSS JOIN state.expertise
    )
),
-- What one user of a role has on average, over all domains.
roles AS (
    SELECT
        role,
        CAST(sum(knowledge_units) / count(*) AS HUGEINT) AS usual_knowledge,
        CAST(sum(availability_units) FILTER (WHERE is_active) / count(*) FILTER (WHERE is_active) AS HUGEINT) AS usual_availability
    FROM state.expertise_users
    WHERE NOT is_bot
    GROUP BY role
),
sums AS (
    SELECT
        user_id,
        place AS domain,
        bool_or(is_rollup) AS is_rollup,
        coalesce(sum(lasting_units), 0) AS lasting_units,
        sum(knowledge_units) - coalesce(sum(lasting_units), 0) AS fading_units,
        sum(availability_units) AS undecayed_units,
        CAST(sum(events) AS BIGINT) AS events,
        CAST(sum(succeeded) AS BIGINT) AS succeeded,
        min(first_at) AS first_active_at,
        max(last_at) AS last_active_at
    FROM (FROM state.expertise_carried UNION ALL FROM state.expertise_recent)
    JOIN places USING (domain)
    GROUP BY user_id, place
),
-- How long others went on after a user's last act, and how long the user was there when the last of them acted, in microseconds.
spans AS (
    SELECT
        sums.*,
        epoch_us(max(last_active_at) OVER peers) - epoch_us(last_active_at) AS silent_us,
        epoch_us(max(last_active_at) OVER peers) - epoch_us(first_active_at) AS there_us,
        epoch_us(max(last_active_at) OVER peers) - epoch_us(min(first_active_at) OVER peers) AS all_us
    FROM sums
    JOIN state.expertise_users USING (user_id)
    WINDOW peers AS (PARTITION BY domain, is_bot)
),
scores AS (
    SELECT
        spans.*,
        CAST(
            (lasting_units + fading_units * (45e-2 + 55e-2 * pow(2e0, -silent_us / (274e0 * 86400e6))))
            * pow((there_us + 86400e6) / (all_us + 86400e6), 15e-2) AS HUGEINT
        ) AS knowledge_units,
        users.role,
        users.is_active,
        users.is_bot,
        users.presence,
        NOT users.is_bot AS is_known,
        users.is_active AND NOT users.is_bot AS is_available,
        roles.usual_knowledge,
        CASE WHEN users.is_active THEN roles.usual_availability END AS usual_availability,
        CASE
            WHEN users.is_active AND NOT users.is_bot THEN CAST(
                undecayed_units * users.presence
                * pow(2e0, (epoch_us(given.reference_at) - epoch_us(given.as_of)) / (given.half_life_days * 86400e6)) AS HUGEINT
            )
        END AS availability_units
    FROM spans
    JOIN state.expertise_users AS users USING (user_id)
    LEFT JOIN roles ON roles.role IS NOT DISTINCT FROM users.role AND NOT users.is_bot
    CROSS JOIN state.expertise AS given
),
shares AS (
    SELECT
        *,
        CASE
            WHEN is_known THEN (
                knowledge_units / 1099511627776e0
                + knowledge_prior * coalesce(usual_knowledge / nullif(sum(usual_knowledge) OVER peers, 0), 0)
            ) / nullif(sum(knowledge_units) OVER peers / 1099511627776e0 + knowledge_prior, 0)
        END AS knowledge_share,
        CASE WHEN is_known THEN rank() OVER (PARTITION BY domain, is_known ORDER BY knowledge_units DESC) END AS knowledge_rank,
        CASE
            WHEN is_available THEN (
                availability_units / 1099511627776e0
                + availability_prior * coalesce(usual_availability / nullif(sum(usual_availability) OVER peers, 0), 0)
            ) / nullif(sum(availability_units) OVER peers / 1099511627776e0 + availability_prior, 0)
        END AS availability_share,
        CASE
            WHEN is_available THEN rank() OVER (PARTITION BY domain, is_available ORDER BY availability_units DESC)
        END AS availability_rank
    FROM scores
    CROSS JOIN state.expertise
    WINDOW peers AS (PARTITION BY domain, is_known)
)
SELECT
    as_of,
    domain,
    user_id,
    role,
    is_active,
    is_bot,
    is_rollup,
    knowledge_units / 1099511627776e0 AS knowledge,
    knowledge_share,
    knowledge_rank,
    availability_units / 1099511627776e0 AS availability,
    availability_share,
    availability_rank,
    presence,
    CASE
        WHEN is_bot THEN 'excluded'
        WHEN knowledge_units / 1099511627776e0 < minimum_knowledge THEN 'insufficient_evidence'
        WHEN knowledge_share >= expert_share THEN 'expert'
        WHEN knowledge_share >= proficient_share THEN 'proficient'
        WHEN knowledge_share >= competent_share THEN 'competent'
        ELSE 'novice'
    END AS level,
    events,
    succeeded,
    last_active_at,
    succeeded / events AS success_rate,
    -- Wilson 1927 with z = 1.959964: z^2 / 2 is 1.9207, z^2 / 4 is .9604.
    CASE
        WHEN succeeded = 0 THEN 0e0
        ELSE (
            succeeded + 1.9207294103470155e0
            - 1.959963984540054e0 * sqrt(succeeded * (events - succeeded) / events + 0.9603647051735078e0)
        ) / (events + 3.841458820694031e0)
    END AS success_rate_low,
    CASE
        WHEN succeeded = events THEN 1e0
        ELSE (
            succeeded + 1.9207294103470155e0
            + 1.959963984540054e0 * sqrt(succeeded * (events - succeeded) / events + 0.9603647051735078e0)
        ) / (events + 3.841458820694031e0)
    END AS success_rate_high,
    is_sample,
    CAST(2 AS BIGINT) AS definition
FROM shares;
