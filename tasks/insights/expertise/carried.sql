SELECT carried_until, carried_rows
FROM state.expertise
WHERE weights = $weights AND reference_at = $reference_at AND carried_until BETWEEN $oldest AND $as_of
