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
            lower(r.name)
        LIMIT 1
    ) AS role,
    u.department AS team,
    u.is_active AS is_active,
    coalesce(p.preferences, '{}') AS preferences,
    CAST(u.created_at AS TEXT) AS created_at,
    -- A preference that changed is a change of the user, though users.updated_at does not move with it.
    CASE
        WHEN coalesce(p.updated_at, '') > coalesce(CAST(u.updated_at AS TEXT), CAST(u.created_at AS TEXT), '') THEN p.updated_at
        ELSE coalesce(CAST(u.updated_at AS TEXT), CAST(u.created_at AS TEXT))
    END AS updated_at
FROM users AS u
LEFT JOIN (
    SELECT
        user_id,
        -- Older rows hold a bare word where JSON belongs; it is taken as a string.
        json_group_object(key, json(CASE WHEN json_valid(value) THEN value ELSE json_quote(value) END)) AS preferences,
        max(CAST(updated_at AS TEXT)) AS updated_at
    FROM (SELECT user_id, key, value, updated_at FROM user_preferences ORDER BY user_id, key) AS ordered
    GROUP BY user_id
) AS p ON p.user_id = u.id
