UPDATE checked SET reasons = after FROM changed_reasons WHERE reasons = before
