-- When an alert was last told, and since when a critical one has stood without an answer: reminders and the handing on count from them.
ALTER TABLE alerts.alerts ADD COLUMN told_at TIMESTAMPTZ;

ALTER TABLE alerts.alerts ADD COLUMN unanswered_since TIMESTAMPTZ;
