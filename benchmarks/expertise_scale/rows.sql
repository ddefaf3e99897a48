-- $count acts numbered from $first, spread evenly over $seconds from $start on: 200,000 users with 10 of 1,000 domains each. One act in
-- twenty fails, one is a bulk act over several domains, one of many items.
INSERT INTO raw.activity BY NAME
SELECT
    'a' || number AS activity_id,
    'user-' || member AS user_id,
    'user_action' AS activity_type,
    CASE kind WHEN 0 THEN 'create' WHEN 1 THEN 'classify' ELSE 'update' END AS action,
    'domain-' || (member * 7919 + CAST(hash(number, 1) % 10 AS BIGINT) * 97) % 1000 AS domain,
    'table' AS resource_type,
    CASE WHEN hash(number, 2) % 20 = 0 THEN CAST(hash(number, 3) % 50 AS BIGINT) END AS item_count,
    CASE WHEN hash(number, 4) % 20 = 0 THEN 1 + CAST(hash(number, 5) % 30 AS BIGINT) END AS domain_count,
    CASE WHEN hash(number, 6) % 20 = 0 THEN 'failed' ELSE 'succeeded' END AS status,
    0.5 AS duration_seconds,
    occurred_at,
    occurred_at AS updated_at,
    occurred_at AS extracted_at,
    'benchmark' AS source,
    false AS is_deleted
FROM (
    SELECT
        number,
        CAST(hash(number) % 200_000 AS BIGINT) AS member,
        hash(number, 7) % 12 AS kind,
        $start + to_microseconds(CAST((number - $first) * ($seconds * 1e6 / $count) AS BIGINT)) AS occurred_at
    FROM range($first, $first + $count) AS numbers(number)
)
