"""Which minutes of a host are anomalous: robust z-scores and an isolation forest, on values of any metric, a host at a time."""
