"""DuckDB's file format, as far as we read it ourselves: what is damaged, what can be put right, and what a write-ahead log holds.

No process may call what opens a file here while it has the file attached: closing the descriptor gives up DuckDB's lock on it.
"""
