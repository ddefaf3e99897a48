-- An alert has the unit of its value, which may be that of an exception; one of a rule with group_by has its members.
ALTER TABLE alerts.alerts ADD COLUMN unit VARCHAR;

ALTER TABLE alerts.alerts ADD COLUMN member_count BIGINT;

ALTER TABLE alerts.alerts ADD COLUMN members VARCHAR[];
