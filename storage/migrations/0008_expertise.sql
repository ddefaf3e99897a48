CREATE SCHEMA state;

-- For when the sums are, and what the scores make of them: one row, or none before the first computation.
CREATE TABLE state.expertise (
    as_of TIMESTAMPTZ NOT NULL,
    carried_until TIMESTAMPTZ NOT NULL,
    carried_rows BIGINT NOT NULL,
    reference_at TIMESTAMPTZ NOT NULL,
    weights JSON NOT NULL,
    half_life_days DOUBLE NOT NULL,
    knowledge_prior DOUBLE NOT NULL,
    availability_prior DOUBLE NOT NULL,
    minimum_knowledge DOUBLE NOT NULL,
    competent_share DOUBLE NOT NULL,
    proficient_share DOUBLE NOT NULL,
    expert_share DOUBLE NOT NULL,
    domain_separator VARCHAR NOT NULL,
    is_sample BOOLEAN NOT NULL
);

CREATE TABLE state.expertise_carried (
    user_id VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    knowledge_units HUGEINT NOT NULL,
    availability_units HUGEINT NOT NULL,
    events BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    first_at TIMESTAMPTZ NOT NULL,
    last_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE state.expertise_recent (
    user_id VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    knowledge_units HUGEINT NOT NULL,
    availability_units HUGEINT NOT NULL,
    events BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    first_at TIMESTAMPTZ NOT NULL,
    last_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE state.expertise_users (
    user_id VARCHAR NOT NULL,
    role VARCHAR,
    is_active BOOLEAN NOT NULL,
    is_bot BOOLEAN NOT NULL,
    events BIGINT NOT NULL,
    first_at TIMESTAMPTZ NOT NULL,
    last_at TIMESTAMPTZ NOT NULL,
    presence DOUBLE NOT NULL,
    knowledge_units HUGEINT NOT NULL,
    availability_units HUGEINT NOT NULL
);

CREATE TABLE insights.domain_experts (
    as_of TIMESTAMPTZ NOT NULL,
    domain VARCHAR NOT NULL,
    is_rollup BOOLEAN NOT NULL,
    people BIGINT NOT NULL,
    active_people BIGINT NOT NULL,
    events BIGINT NOT NULL,
    knowledge DOUBLE NOT NULL,
    last_active_at TIMESTAMPTZ NOT NULL,
    expert_user_id VARCHAR,
    expert_share DOUBLE,
    expert_level VARCHAR,
    runner_up_user_id VARCHAR,
    runner_up_share DOUBLE,
    margin DOUBLE,
    confidence VARCHAR,
    is_calibrated BOOLEAN NOT NULL,
    available_user_id VARCHAR,
    available_share DOUBLE,
    next_available_user_id VARCHAR,
    next_available_share DOUBLE,
    availability_margin DOUBLE,
    bus_factor BIGINT,
    has_single_holder BOOLEAN NOT NULL,
    has_lost_expert BOOLEAN NOT NULL,
    no_data_reason VARCHAR,
    is_sample BOOLEAN NOT NULL
);

CREATE TABLE history.domain_experts (
    as_of TIMESTAMPTZ NOT NULL,
    domain VARCHAR NOT NULL,
    is_rollup BOOLEAN NOT NULL,
    people BIGINT NOT NULL,
    active_people BIGINT NOT NULL,
    events BIGINT NOT NULL,
    knowledge DOUBLE NOT NULL,
    last_active_at TIMESTAMPTZ NOT NULL,
    expert_user_id VARCHAR,
    expert_share DOUBLE,
    expert_level VARCHAR,
    runner_up_user_id VARCHAR,
    runner_up_share DOUBLE,
    margin DOUBLE,
    confidence VARCHAR,
    is_calibrated BOOLEAN NOT NULL,
    available_user_id VARCHAR,
    available_share DOUBLE,
    next_available_user_id VARCHAR,
    next_available_share DOUBLE,
    availability_margin DOUBLE,
    bus_factor BIGINT,
    has_single_holder BOOLEAN NOT NULL,
    has_lost_expert BOOLEAN NOT NULL,
    no_data_reason VARCHAR,
    is_sample BOOLEAN NOT NULL
);

CREATE TABLE insights.domain_owners (
    as_of TIMESTAMPTZ NOT NULL,
    domain VARCHAR NOT NULL,
    user_id VARCHAR NOT NULL,
    is_declared BOOLEAN NOT NULL,
    verdict VARCHAR NOT NULL,
    declared_owners BIGINT NOT NULL,
    knowledge DOUBLE,
    knowledge_share DOUBLE,
    knowledge_rank BIGINT,
    availability_rank BIGINT,
    last_active_at TIMESTAMPTZ,
    confidence VARCHAR,
    is_sample BOOLEAN NOT NULL
);

-- What each user knows of each domain, and who can help now. A view, because every availability falls with the clock, while the sums
-- that it is made of change only with what is done. Sums are of whole numbers, in units of 2^-40, so that their order does not matter.
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
        sum(knowledge_units) AS knowledge_units,
        sum(availability_units) AS undecayed_units,
        CAST(sum(events) AS BIGINT) AS events,
        CAST(sum(succeeded) AS BIGINT) AS succeeded,
        max(last_at) AS last_active_at
    FROM (FROM state.expertise_carried UNION ALL FROM state.expertise_recent)
    JOIN places USING (domain)
    GROUP BY user_id, place
),
scores AS (
    SELECT
        sums.*,
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
    FROM sums
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
    is_sample
FROM shares;
