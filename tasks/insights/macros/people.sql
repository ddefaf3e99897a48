-- The id that each person goes by, for ids that are not it (raw.people). Of one that goes by itself in a circle, the first of the circle.
CREATE OR REPLACE TEMP MACRO persons() AS TABLE
WITH RECURSIVE edges AS (
    SELECT DISTINCT user_id, person_id FROM raw.people WHERE NOT is_deleted AND person_id <> user_id
),

reached AS (
    SELECT user_id, person_id FROM edges
    UNION
    SELECT reached.user_id, edges.person_id FROM reached INNER JOIN edges ON edges.user_id = reached.person_id
)

SELECT
    user_id,
    coalesce(min(person_id) FILTER (WHERE person_id NOT IN (SELECT user_id FROM edges)), min(person_id)) AS person_id
FROM reached
GROUP BY user_id;

-- The people whom sources list, each once: what is newest of the id that they go by, else of their others. Somebody is active as
-- long as one of the ids is, and where the newest state of one was refused.
CREATE OR REPLACE TEMP MACRO known_users(as_of) AS TABLE
WITH ids AS (
    SELECT
        coalesce(person_id, user_id) AS person_id,
        users.* REPLACE (coalesce(is_active, true) AND NOT is_deleted OR outdated_reason IS NOT NULL AS is_active),
        struct_pack(is_there := NOT is_deleted, is_own := person_id IS NULL, updated_at := updated_at, source := source) AS place
    FROM raw.users AS users
    LEFT JOIN persons() USING (user_id)
    LEFT JOIN (SELECT key AS user_id, source, outdated_reason FROM outdated_rows('users', as_of)) USING (user_id, source)
),

told AS (
    SELECT coalesce(persons.person_id, user_id) AS person_id, max(team) AS team, bool_or(is_bot) AS is_bot
    FROM raw.people
    LEFT JOIN persons() AS persons USING (user_id)
    WHERE NOT is_deleted
    GROUP BY ALL
)

SELECT
    person_id AS user_id,
    arg_max(role, place) AS role,
    coalesce(any_value(told.team), arg_max(ids.team, place)) AS team,
    bool_or(is_active) AS is_active,
    bool_and(is_deleted) AS is_deleted,
    coalesce(bool_or(ids.is_bot), false) OR coalesce(bool_or(told.is_bot), false) AS is_bot,
    arg_max(preferences, place) AS preferences,
    -- Without an instant an account may always have been there.
    CASE WHEN count(created_at) = count(*) THEN min(created_at) END AS created_at,
    max(updated_at) AS updated_at,
    bool_or(source = 'sample') AS is_sample
FROM ids
FULL JOIN told USING (person_id)
GROUP BY person_id
