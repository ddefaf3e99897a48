"""What insights.metric_correlations is computed with: pure functions over series by the minute."""
