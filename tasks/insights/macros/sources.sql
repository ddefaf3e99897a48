-- Rows of a dataset whose newest state was refused before `as_of`: how they stand is not known since.
CREATE OR REPLACE TEMP MACRO outdated_rows(dataset_name, as_of) AS TABLE
SELECT key, source, outdated_since, reason AS outdated_reason
FROM ops.outdated_rows
WHERE dataset = dataset_name AND outdated_since < as_of
