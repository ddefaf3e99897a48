-- Every rise to critical and every fall is told; what the day has no notification left for waits.
ALTER TABLE alerts.alerts ADD COLUMN told_severity VARCHAR;

ALTER TABLE alerts.alerts ADD COLUMN waits VARCHAR;

UPDATE alerts.alerts SET told_severity = severity WHERE state IN ('firing', 'recovering', 'no_data', 'error');
