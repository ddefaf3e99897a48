-- The last acts of the 24 hours up to $as_of, the newest first, in the platform's own words and ids.
SELECT
    user_id,
    any_value(recent_events) AS recent_events,
    CAST(
        to_json(
            list(
                {
                    'occurred_at': strftime(make_timestamp(epoch_us(occurred_at)), '%Y-%m-%dT%H:%M:%S.%fZ'),
                    'action': action,
                    'domain': domain,
                    'resource_type': resource_type,
                    'resource_id': CASE WHEN NOT contains(resource_id, '@') THEN resource_id END,
                    'status': status
                }
                ORDER BY place
            )
        ) AS VARCHAR
    ) AS recent_acts
FROM (
    SELECT
        * REPLACE (coalesce(person_id, user_id) AS user_id),
        row_number() OVER (PARTITION BY coalesce(person_id, user_id) ORDER BY occurred_at DESC, activity_id DESC, source) AS place,
        count(*) OVER (PARTITION BY coalesce(person_id, user_id)) AS recent_events
    FROM raw.activity
    LEFT JOIN persons() USING (user_id)
    WHERE
        NOT is_deleted AND user_id IS NOT NULL
        AND occurred_at >= CAST($as_of AS TIMESTAMPTZ) - INTERVAL 24 HOURS AND occurred_at < CAST($as_of AS TIMESTAMPTZ)
)
WHERE place <= 20
GROUP BY user_id
