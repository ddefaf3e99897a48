-- Of how many parts are the ids of those who are looked for in texts, and whether in longer ids, too.
SELECT DISTINCT parts, is_hashed FROM ops.forgotten WHERE letters IS NOT NULL
