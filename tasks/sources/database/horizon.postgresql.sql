-- Until when everything that changed is visible: the start of the oldest transaction that may still commit, on the source's clock.
-- A session that this role may not look into shows no start; then, and on a replica, which knows nothing of the primary's
-- transactions, nobody can tell, and the overlap has to be generous. Autovacuum, which has no user, changes no rows.
SELECT
    clock_timestamp() AS clock,
    pg_is_in_recovery() AS is_replica,
    pg_last_xact_replay_timestamp() AS replayed_at,
    (
        SELECT count(*)
        FROM pg_stat_activity
        WHERE
            datname = current_database() AND usesysid IS NOT NULL
            AND (query = '<insufficient privilege>' OR state = 'disabled')
    ) AS hidden_sessions,
    (
        SELECT min(xact_start)
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type IS DISTINCT FROM 'autovacuum worker'
    ) AS oldest_start,
    (SELECT min(prepared) FROM pg_prepared_xacts WHERE database = current_database()) AS oldest_prepared
