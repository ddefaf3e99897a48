UPDATE alerts.notifications
SET message = changed_messages.message
FROM changed_messages
WHERE notifications.notification_id = changed_messages.notification_id
