SELECT ended_at, expires_at FROM alerts.silences WHERE silence_id = $silence_id
