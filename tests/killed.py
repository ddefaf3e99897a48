"""A warehouse as one leaves it who is killed: with a log that holds the last commits."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from storage.home import Home
from storage.warehouse import warehouse
from storage.wholeness.mark import mark_of, wal_of


@contextmanager
def killed_behind(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """What the block commits is on the disk as if its process had been killed right behind it."""
    files = (home.warehouse, wal_of(home.warehouse), mark_of(home.warehouse))
    with warehouse(home) as con:
        yield con
        left = {path: path.read_bytes() for path in files if path.exists()}
    for path in files:
        path.unlink(missing_ok=True)
    for path, content in left.items():
        path.write_bytes(content)
