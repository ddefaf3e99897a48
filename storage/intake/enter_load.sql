INSERT INTO ops.loads (file, dataset, status, rows, rejected, skipped, first_at, last_at, source, reason, origin, loaded_at)
VALUES ($file, $dataset, $status, $rows, $rejected, $skipped, $first_at, $last_at, $source, $reason, $origin, $loaded_at)
