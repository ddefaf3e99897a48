-- The other instants computed: those in the book, and of older ones, which it has forgotten, what the rows say.
SELECT as_of FROM ops.computations WHERE insight = 'performance_insights' AND as_of <> $as_of
UNION
SELECT unnest([first_found_at, as_of, ended_at]) AS as_of FROM insights.performance_insights
