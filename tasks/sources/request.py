"""What one extraction of one dataset asks of a source."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tasks.sources.mapping import Mapping


@dataclass(frozen=True)
class Request:
    """Read `dataset` from the database at `url` through `mapping`.

    Attributes:
        since: rows that changed at or after this; None for all.
        open_keys: keys that were not finished when last read, and are read whatever their instant says.
    """

    url: str
    mapping: Mapping
    dataset: str
    since: datetime | None
    open_keys: tuple[str, ...]


Reader = Callable[[Request], Iterator[pl.DataFrame]]
"""A source: yields batches of text columns under the contract's names, timestamps in UTC or with their offset."""
