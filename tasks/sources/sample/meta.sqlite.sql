SELECT key, value FROM sample_meta
