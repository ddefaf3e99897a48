-- Which preferences hold for each user: the stored ones, then the defaults of their role. A stored one is shown where it is a word: with
-- no blank and no `@` it can be no sentence and no address, and where its key does not call it a name, a number to call, or a secret.
WITH defaults AS (
    SELECT
        unnest(CAST($default_roles AS VARCHAR[])) AS role,
        unnest(CAST($default_keys AS VARCHAR[])) AS key,
        unnest(CAST($default_values AS JSON[])) AS value
),
stored AS (
    SELECT
        user_id,
        key,
        id AS place,
        value,
        CASE
            WHEN type IN ('BOOLEAN', 'NULL') THEN true
            WHEN type IN ('OBJECT', 'ARRAY') THEN false
            WHEN regexp_matches(key, '(?i)name|mail|phone|mobile|address|birth|signature|secret|token|passw|api.?key') THEN false
            WHEN type = 'VARCHAR' THEN regexp_full_match(value ->> '$', '[^@\s\pZ\pC]{0,40}')
            ELSE isfinite(CAST(value AS DOUBLE))
        END AS is_shown
    FROM people, json_each(people.stored)
    WHERE regexp_full_match(key, '[^@\s\pZ\pC]{1,40}')
),
said AS (
    SELECT
        user_id,
        key,
        true AS is_stored,
        place,
        CASE
            WHEN is_shown THEN CAST(to_json({'value': value, 'source': 'stored'}) AS VARCHAR)
            ELSE CAST(to_json({'value': NULL, 'source': 'stored', 'is_withheld': true}) AS VARCHAR)
        END AS said
    FROM stored
    UNION ALL
    SELECT user_id, key, false, 0, CAST(to_json({'value': value, 'source': 'default'}) AS VARCHAR)
    FROM people
    JOIN defaults
        ON defaults.role = CASE WHEN list_contains(CAST($default_roles AS VARCHAR[]), people.role) THEN people.role ELSE 'default' END
),
-- Where a key is stored twice, the last of it counts, as for any reader of JSON.
chosen AS (
    SELECT user_id, key, max(struct_pack(is_stored := is_stored, place := place, said := said)).said AS said
    FROM said
    GROUP BY user_id, key
)
SELECT user_id, '{' || string_agg(CAST(to_json(key) AS VARCHAR) || ':' || said, ',' ORDER BY key) || '}' AS preferences
FROM chosen
GROUP BY user_id
