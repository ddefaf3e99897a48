SELECT DISTINCT source FROM checked WHERE extracted_at > $bound
