"""What the tables of deployments have in common."""
