-- Why rows are refused, by what a reason says before it shows the value.
SELECT
    split_part(reason, ':', 1) AS kind,
    count(*) AS refused,
    arg_min(reason, key) AS example,
    min(key) AS key,
    list(DISTINCT split_part(reason, ': ', 2) ORDER BY split_part(reason, ': ', 2)) AS words
FROM (SELECT unnest(reasons) AS reason, key FROM rejected)
GROUP BY kind
ORDER BY refused DESC, kind
LIMIT 10
