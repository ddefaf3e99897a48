-- What the parser has against $sql, and what it calls and reads.
SELECT
    tree ->> 'error_message',
    json_extract_string(tree, '$..function_name'),
    json_extract_string(tree, '$..function.function_name'),
    json_extract_string(tree, '$..table_name')
FROM (SELECT json_serialize_sql(CAST($sql AS VARCHAR)) AS tree)
