"""What insights.forecasts is computed with: growth, leaks and filling of a host's memory and filesystems. Pure functions."""
