"""What the warehouse may use, apart from it: settings name it without loading a database."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What the warehouse may use: seconds to wait for its turn, threads, memory (DuckDB's notation); seconds of a private query."""

    lock_timeout_seconds: float = 300.0
    threads: int = 2
    memory: str = "2GB"
    query_timeout_seconds: float = 60.0
