SELECT free_blocks, total_blocks FROM pragma_database_size() WHERE database_name = 'warehouse'
