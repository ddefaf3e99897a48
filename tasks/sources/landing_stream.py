"""A stream of tables -> landing files, written beside the reading, so that the source never waits for the disk."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from storage.home import Home
from storage.landing import land
from storage.ledger import Mark
from tasks.sources.arrow import UTC_INSTANT, newest_change

FILE_ROWS = 131_072
FILE_BYTES = 2**26
MOST_WAITING = 2
"""Files read and not yet written: one is enough to keep the source sending, more only take memory."""
MakeMark = Callable[[], Mark | None]


class LandingStream:
    """Landing files of one dataset of one extraction, in the order of reading.

    Attributes:
        rows, files: how many so far.
        newest: the greatest `updated_at` so far.
    """

    def __init__(self, home: Home, dataset: str, source: str, extracted_at: datetime, *, is_repair: bool = False) -> None:
        self.home, self.dataset, self.extracted_at = home, dataset, extracted_at
        self.metadata = {"source": source} | ({"is_repair": "true"} if is_repair else {})
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

    def _seen(self, tables: Iterator[pa.Table], count: Callable[[int], None]) -> Iterator[pa.Table]:
        for table in tables:
            self.newest = max((instant for instant in (self.newest, newest_change(table)) if instant), default=None)
            self.rows += table.num_rows
            count(table.num_rows)
            yield table

    def _write(self, table: pa.Table, mark: Mark | None) -> None:
        extracted_at = pa.repeat(pa.scalar(self.extracted_at, UTC_INSTANT), table.num_rows)
        rows, metadata = table.append_column("extracted_at", extracted_at), self.metadata | _as_metadata(mark)
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
    """Neighbours of the same columns and types, in groups of about FILE_ROWS or FILE_BYTES."""
    group: list[pa.Table] = []
    for table in tables:
        if group and not group[-1].schema.equals(table.schema):
            yield pa.concat_tables(group)
            group = []
        group.append(table)
        if sum(one.num_rows for one in group) >= FILE_ROWS or sum(one.nbytes for one in group) >= FILE_BYTES:
            yield pa.concat_tables(group)
            group = []
    if group:
        yield pa.concat_tables(group)
