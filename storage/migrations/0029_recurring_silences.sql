-- Silences that come again every week.
ALTER TABLE alerts.silences ADD COLUMN every VARCHAR;

ALTER TABLE alerts.silences ADD COLUMN zone VARCHAR;
