"""A stream of tables -> landing files, written beside the reading, so that the source never waits for the disk."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import ROW_GROUP_ROWS, land
from storage.intake.ledger import Mark
from storage.people.pseudonyms import AS_THEY_ARE, Pseudonyms
from tasks.sources.instants import UTC_INSTANT, newest_change
from tasks.sources.mapping import contract_columns
from tasks.sources.pseudonyms import without_addresses

FILE_ROWS = ROW_GROUP_ROWS
FILE_BYTES = 2**26
MOST_WAITING = 2
"""Files read and not yet written: one is enough to keep the source sending, more only take memory."""
TOO_SLOW = "its time is over ([source] time_limit_seconds); the next run goes on with what is left"
MakeMark = Callable[[], Mark | None]


class LandingStream:
    """Landing files of one dataset of one extraction, in the order of reading.

    Args:
        until: when reading has to end, by the monotonic clock.

    Attributes:
        rows, files: how many so far.
        newest: the greatest `updated_at` so far.
    """

    def __init__(
        self,
        home: Home,
        dataset: str,
        source: str,
        extracted_at: datetime,
        pseudonyms: Pseudonyms = AS_THEY_ARE,
        until: float = math.inf,
    ) -> None:
        self.home, self.dataset, self.source, self.extracted_at = home, dataset, source, extracted_at
        self.pseudonyms = pseudonyms
        self._until = until
        self.rows = self.files = 0
        self.newest: datetime | None = None
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._waiting: deque[Future[Path]] = deque()

    def __enter__(self) -> "LandingStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.shutdown()

    def put(self, tables: Iterator[pa.Table], mark: MakeMark, count: Callable[[int], None] = lambda _: None) -> None:
        """Land `tables` and wait until they are; the last file carries `mark`.

        Args:
            mark: asked when everything has been read.
            count: told the rows of each table.

        Raises:
            GovpulseError: the source cannot be read, or a file cannot be written; what was landed before stays.
        """
        held: pa.Table | None = None
        for group in _regroup(self._seen(tables, count)):
            if held is not None:
                self._write(held, None)
            held = group
        if held is not None:
            self._write(held, mark())
        self._await(0)

    def put_listing(self, tables: Iterator[pa.Table], count: Callable[[int], None] = lambda _: None) -> Mark:
        """Land `tables` as all that the source has; returns the mark of the last file, which is landed even without rows.

        Raises:
            GovpulseError: as `put`; then no file carries the mark, so that nothing is taken for gone.
        """
        mark = Mark(self.extracted_at)
        self.put(tables, lambda: mark, count)
        if not self.files:
            self._write(pa.table({name: pa.array([], pa.string()) for name in contract_columns(self.dataset)}), mark)
            self._await(0)
        return mark

    def _seen(self, tables: Iterator[pa.Table], count: Callable[[int], None]) -> Iterator[pa.Table]:
        for table in tables:
            if time.monotonic() > self._until:
                raise GovpulseError(TOO_SLOW)
            self.newest = max((instant for instant in (self.newest, newest_change(table)) if instant), default=None)
            self.rows += table.num_rows
            count(table.num_rows)
            yield table

    def _write(self, table: pa.Table, mark: Mark | None) -> None:
        extracted_at = pa.repeat(pa.scalar(self.extracted_at, UTC_INSTANT), table.num_rows)
        rows = without_addresses(table.append_column("extracted_at", extracted_at), self.dataset, self.pseudonyms)
        metadata = {"source": self.source} | _as_metadata(mark)
        self.files += 1
        self._waiting.append(self._writer.submit(land, self.home, self.dataset, rows, metadata=metadata))
        self._await(MOST_WAITING)

    def _await(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()


def _as_metadata(mark: Mark | None) -> dict[str, str]:
    if mark is None:
        return {}
    said = {"watermark": mark.watermark.isoformat()}
    return said | ({"read_until": mark.read_until.isoformat()} if mark.read_until else {})


def _regroup(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Neighbours of the same columns and types, cut into pieces of FILE_ROWS, or of fewer where they are long."""
    held: pa.Table | None = None
    for table in tables:
        if held is not None and not held.schema.equals(table.schema):
            yield held
            held = None
        held = table if held is None else pa.concat_tables([held, table])
        while held.num_rows > FILE_ROWS or (held.num_rows and held.nbytes > FILE_BYTES):
            yield held.slice(0, FILE_ROWS)
            held = held.slice(FILE_ROWS)
    if held is not None and held.num_rows:
        yield held
