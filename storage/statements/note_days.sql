-- Notes that the days of a table changed, in one generation; NULL stands for all of it.
MERGE INTO ops.changes AS noted
USING (
    SELECT
        $name AS table_name,
        coalesce(CAST(day AS VARCHAR), '') AS part,
        (SELECT coalesce(max(generation), 0) + 1 FROM ops.changes) AS generation
    FROM (SELECT DISTINCT unnest(CAST($days AS DATE[])) AS day)
) AS changed
ON noted.table_name = changed.table_name AND noted.part = changed.part
WHEN MATCHED THEN UPDATE SET generation = changed.generation
WHEN NOT MATCHED THEN INSERT (table_name, part, generation) VALUES (changed.table_name, changed.part, changed.generation)
