UPDATE alerts.silences
SET
    starts_at = CAST($now AS TIMESTAMPTZ) + (starts_at - created_at),
    expires_at = CAST($now AS TIMESTAMPTZ) + (expires_at - created_at),
    created_at = $now
WHERE created_at > $bound
