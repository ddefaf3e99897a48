SELECT * FROM alerts.silences ORDER BY created_at, silence_id
