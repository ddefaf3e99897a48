-- Until when everything that changed is visible: the start of the oldest transaction or statement that may still commit, on the
-- source's clock. Transactions show their start in the zone of the server's system whatever the session's is, so this is read with
-- time_zone = 'SYSTEM'; where a clock went back, the earlier of the two instants is meant. Refused to who lacks PROCESS.
-- A statement stamps its rows when it begins, which may be before its transaction shows.
SELECT
    unix_timestamp(now(6)) AS clock,
    cast(@@global.read_only AS char) NOT IN ('0', 'OFF')
    OR cast(@@global.innodb_read_only AS char) NOT IN ('0', 'OFF')
    OR EXISTS (SELECT 1 FROM information_schema.processlist WHERE user = 'system user' AND command <> 'Daemon') AS is_replica,
    (
        SELECT
            min(
                unix_timestamp(trx_started)
                - CASE WHEN from_unixtime(unix_timestamp(trx_started) - 3600) = trx_started THEN 3600 ELSE 0 END
            )
        FROM information_schema.innodb_trx
        WHERE trx_is_read_only = 0 AND trx_mysql_thread_id <> connection_id()
    ) AS oldest_transaction,
    (
        SELECT unix_timestamp(now(6)) - max(time)
        FROM information_schema.processlist
        WHERE command IN ('Query', 'Execute') AND id <> connection_id()
    ) AS oldest_statement
