"""What insights.performance_insights holds: a module a kind of finding, with the SELECT that finds it beside it."""
