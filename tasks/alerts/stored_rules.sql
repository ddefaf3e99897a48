SELECT name, definition, source, in_force_since FROM alerts.rules ORDER BY name
