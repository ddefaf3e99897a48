UPDATE alerts.notifications
SET message = replace(CAST(message AS VARCHAR), $before, $after)
WHERE contains(CAST(message AS VARCHAR), $before)
