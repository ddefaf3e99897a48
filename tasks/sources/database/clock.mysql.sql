SELECT unix_timestamp(now(6)) AS clock
