SELECT ended_at, expires_at, kind FROM alerts.silences WHERE silence_id = $silence_id
