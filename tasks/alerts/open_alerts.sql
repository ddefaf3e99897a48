SELECT * FROM alerts.alerts WHERE state NOT IN ('inactive', 'resolved', 'gone')
