-- Which routes led a notification to its channel.
ALTER TABLE alerts.notifications ADD COLUMN routes VARCHAR[];
