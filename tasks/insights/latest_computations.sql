SELECT insight, arg_max(as_of, computed_at) FROM ops.computations GROUP BY insight
