"""Whether an operation is worse than it was: the tail of an hour against its own weeks, and runs of bad hours. Pure."""
