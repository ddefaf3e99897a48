SELECT done_at FROM ops.audit_log WHERE action = 'forget'
