SELECT key, source_key FROM listed WHERE key <> source_key
