SELECT
    current_setting('memory_limit') AS said,
    parse_formatted_bytes(current_setting('memory_limit')) AS bytes
