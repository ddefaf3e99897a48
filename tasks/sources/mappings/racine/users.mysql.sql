-- Users of racine: users, roles, user_roles, user_preferences -> raw.users. No name, no e-mail address.
SELECT
    u.id AS user_id,
    -- A user may have several roles: the most privileged one counts. Roles that racine does not ship come last, by name.
    (
        SELECT lower(r.name)
        FROM user_roles AS g
        JOIN roles AS r ON r.id = g.role_id
        WHERE g.user_id = u.id
        ORDER BY
            CASE lower(r.name)
                WHEN 'admin' THEN 1
                WHEN 'data_steward' THEN 2
                WHEN 'data_engineer' THEN 3
                WHEN 'analyst' THEN 4
                WHEN 'viewer' THEN 5
                ELSE 6
            END,
            cast(lower(r.name) AS binary)
        LIMIT 1
    ) AS role,
    u.department AS team,
    u.is_active AS is_active,
    coalesce(p.preferences, '{}') AS preferences,
    u.created_at AS created_at,
    -- A preference that changed is a change of the user, though users.updated_at does not move with it.
    greatest(coalesce(u.updated_at, u.created_at, p.updated_at), coalesce(p.updated_at, u.updated_at, u.created_at)) AS updated_at
FROM users AS u
LEFT JOIN (
    SELECT
        user_id,
        -- Older rows hold a bare word where JSON belongs; it is taken as a string.
        concat(
            '{',
            group_concat(
                concat(
                    json_quote(cast(`key` AS char)),
                    ': ',
                    CASE
                        WHEN value IS NULL THEN 'null'
                        WHEN json_valid(cast(value AS char)) THEN cast(value AS char)
                        ELSE json_quote(cast(value AS char))
                    END
                )
                ORDER BY `key` SEPARATOR ', '
            ),
            '}'
        ) AS preferences,
        max(updated_at) AS updated_at
    FROM user_preferences
    GROUP BY user_id
) AS p ON p.user_id = u.id
