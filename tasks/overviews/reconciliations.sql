SELECT * FROM ops.reconciliations
QUALIFY reconciled_at = max(reconciled_at) OVER (PARTITION BY source) ORDER BY source, dataset
