-- The keys of the lines that are JSON objects.
SELECT DISTINCT unnest(json_keys(line)) AS name
FROM lines
WHERE json_valid(line) AND starts_with(line, '{')
