"""People in the data: pseudonyms as rows come in, forgetting somebody, and tables in which there are none."""
