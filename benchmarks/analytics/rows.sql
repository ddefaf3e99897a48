-- $rows deployments and as many scans within the 90 days before 1 April 2026. 2,000 services in three environments, of whose attempts
-- one in ten fails and most are tried again; 4,000 data source x scan type pairs, of whose scans 2 % never end.
INSERT INTO raw.deployments BY NAME
SELECT
    'd' || number AS deployment_id,
    'service-' || hash(place) % 2000 AS service,
    CASE hash(place, 1) % 3 WHEN 0 THEN 'production' WHEN 1 THEN 'staging' ELSE 'development' END AS environment,
    'v' || release AS version,
    CASE
        WHEN chance < 850 THEN 'succeeded'
        WHEN chance < 930 THEN 'failed'
        WHEN chance < 955 THEN 'rolled_back'
        WHEN chance < 975 THEN 'canceled'
        ELSE 'running'
    END AS status,
    started_at - INTERVAL 3 HOUR AS committed_at,
    started_at,
    CASE WHEN chance < 975 THEN started_at + to_seconds(CAST(60 + hash(number, 2) % 1800 AS BIGINT)) END AS finished_at,
    hash(number, 3) % 40 = 0 AS is_rollback,
    hash(number, 4) % 40 = 0 AS is_hotfix,
    started_at + INTERVAL 1 HOUR AS updated_at,
    started_at + INTERVAL 1 HOUR AS extracted_at,
    'benchmark' AS source,
    false AS is_deleted
FROM (
    SELECT
        number,
        -- Every tenth attempt is of the release before it.
        number - CASE WHEN number % 10 = 9 THEN 1 ELSE 0 END AS release,
        hash(number - CASE WHEN number % 10 = 9 THEN 1 ELSE 0 END) AS place,
        hash(number, 5) % 1000 AS chance,
        TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_microseconds(CAST(number * (7_776_000_000_000 / $rows) AS BIGINT)) AS started_at
    FROM range($rows) AS numbers(number)
);

INSERT INTO raw.scans BY NAME
SELECT
    's' || number AS scan_id,
    'scan ' || number AS name,
    'source-' || place % 2000 AS data_source,
    CASE WHEN place < 2000 THEN 'full' ELSE 'incremental' END AS scan_type,
    CASE WHEN chance < 880 THEN 'succeeded' WHEN chance < 970 THEN 'failed' WHEN chance < 980 THEN 'canceled' ELSE 'running' END
        AS status,
    started_at - to_seconds(CAST(1 + hash(number, 6) % 120 AS BIGINT)) AS queued_at,
    started_at,
    CASE WHEN chance < 980 THEN started_at + to_seconds(usual * exp(0.3 * (normal - 6))) END AS finished_at,
    CAST(10 + hash(number, 7) % 5000 AS BIGINT) AS assets_scanned,
    CASE WHEN chance BETWEEN 880 AND 969 THEN 'timeout after ' || hash(number, 8) % 100_000 || ' ms on host-' || place END AS error_message,
    started_at + INTERVAL 1 HOUR AS updated_at,
    started_at + INTERVAL 1 HOUR AS extracted_at,
    'benchmark' AS source,
    false AS is_deleted
FROM (
    SELECT
        number,
        number % 4000 AS place,
        hash(number, 9) % 1000 AS chance,
        300 + hash(number % 4000) % 3000 AS usual,
        -- The sum of twelve uniform numbers: about normal, with mean 6.
        list_sum(list_transform(range(12), lambda x: (hash(number, x) % 1_000_000) / 1e6)) AS normal,
        TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_microseconds(CAST(number * (7_776_000_000_000 / $rows) AS BIGINT)) AS started_at
    FROM range($rows) AS numbers(number)
)
