-- The tables of the main database, and which of them have no rowid.
SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
