-- Users of racine: users, roles, user_roles, user_preferences -> raw.users. No name, no e-mail address.
SELECT
    u.id AS user_id,
    -- A user may have several roles: the most privileged one counts. Roles that racine does not ship come last, by name.
    (
        SELECT lower(r.name::text)
        FROM user_roles AS g
        JOIN roles AS r ON r.id = g.role_id
        WHERE g.user_id = u.id
        ORDER BY
            CASE lower(r.name::text)
                WHEN 'admin' THEN 1
                WHEN 'data_steward' THEN 2
                WHEN 'data_engineer' THEN 3
                WHEN 'analyst' THEN 4
                WHEN 'viewer' THEN 5
                ELSE 6
            END,
            lower(r.name::text) COLLATE "C"
        LIMIT 1
    ) AS role,
    u.department AS team,
    u.is_active AS is_active,
    coalesce(p.preferences, '{}') AS preferences,
    u.created_at AS created_at,
    -- A preference that changed is a change of the user, though users.updated_at does not move with it.
    greatest(coalesce(u.updated_at, u.created_at), p.updated_at) AS updated_at
FROM users AS u
LEFT JOIN (
    SELECT
        user_id,
        -- Older rows hold a bare word where JSON belongs; it is taken as a string. PostgreSQL can ask for JSON only since 16, hence
        -- the pattern: exact for words, numbers and strings; of an object or list it sees how it begins and ends. So the result is
        -- text, which the contract judges by the row, where a cast of a broken one would end the extraction.
        '{' || string_agg(
            to_json(key)::text || ': ' || CASE
                WHEN value IS NULL THEN 'null'
                WHEN value::text ~ (
                    '^\s*(null|true|false|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?'
                    '|"([^"\\\x01-\x1f]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
                    '|\{\s*(".*)?\}|\[\s*((["{[]|-?[0-9]|null|true|false).*)?\])\s*$'
                ) THEN value::text
                ELSE to_json(value::text)::text
            END,
            ', ' ORDER BY key
        ) || '}' AS preferences,
        max(updated_at) AS updated_at
    FROM user_preferences
    GROUP BY user_id
) AS p ON p.user_id = u.id
