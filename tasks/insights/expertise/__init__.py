"""Who knows, and who can help now: the sums that scores are made of, and what follows from the scores."""
