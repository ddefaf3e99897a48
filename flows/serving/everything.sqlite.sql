-- The statements that make the tables and indexes of a database, in an order in which they can be made.
SELECT sql FROM sqlite_schema
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
ORDER BY type = 'index', rowid
