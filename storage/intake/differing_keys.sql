SELECT source_key, difference FROM differing WHERE difference <> 'deleted' ORDER BY source_key
