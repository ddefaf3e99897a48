"""The journal of what nobody can make anew: what a transaction does to such tables is on the disk, outside of the warehouse, before
it is committed.

The newest backup, the journal since, and the kept landing files give back all that was committed (`storage.journal.replay`). The
warehouse knows the number of the last entry it has committed: on opening it, what was written and never committed is taken off.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from storage.access import owner_only
from storage.home import Home
from storage.intake.landing_names import checksum, checksum_in
from storage.journal.files import (
    Did,
    End,
    Entry,
    cannot_write,
    current_segment,
    end_of,
    entries_of,
    last_number,
    written,
)
from storage.relations import greatest
from storage.room import with_reserve


@dataclass
class Pen:
    """What writes the journal of an open warehouse.

    Attributes:
        size: bytes of the segment's file that hold entries.
        last: the number of the last entry that was written.
        committed: of the last one that was committed.
        migration: the newest that the warehouse has been through.
        did: what the transaction that goes on has done so far; None outside of one.
        is_silent: what is done now is in the journal already.
    """

    home: Home
    segment: int
    descriptor: int
    size: int
    last: int
    committed: int
    migration: int
    did: list[Did] | None = None
    is_silent: bool = False
    before: int | None = None
    """The size before the entry of the transaction that goes on, once that is written."""


_PENS: dict[int, Pen] = {}
"""By the id of the connection."""


@contextmanager
def journaled(con: duckdb.DuckDBPyConnection, home: Home) -> Iterator[None]:
    """Keep the journal of the migrated warehouse of `home` for as long as `con` has it attached.

    Raises:
        GovpulseError: the journal cannot be written.
    """
    segment = current_segment(home)
    path = entries_of(home, segment)
    try:
        pen = _taken_up(con, home, segment, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    _PENS[id(con)] = pen
    try:
        yield
    finally:
        _PENS.pop(id(con), None)
        os.close(pen.descriptor)


def _taken_up(con: duckdb.DuckDBPyConnection, home: Home, segment: int, path: Path) -> Pen:
    """A pen behind the last entry that was committed."""
    end = end_of(path)
    last = end.entry.number if end.entry else last_number(home)
    known = committed_number(con)
    committed = last if known is None else known
    descriptor = owner_only(str(path), os.O_RDWR | os.O_CREAT)
    try:
        size = _cleared(descriptor, end, committed, last)
    except BaseException:
        os.close(descriptor)
        raise
    migration = greatest(con, "ops.schema_migrations", "version")
    return Pen(home, segment, descriptor, size, max(last, committed), committed, migration)


def _cleared(descriptor: int, end: End, committed: int, last: int) -> int:
    """Take off what was never committed; what was, and is damaged, stays to be told of. Returns where the next entry goes."""
    entry = end.entry
    if entry and entry.number > committed and entry.after == committed:
        return _cut(descriptor, end.start)
    if last >= committed and end.size > end.end:
        return _cut(descriptor, end.end)
    if not end.is_ended:
        return end.size + os.pwrite(descriptor, b"\n", end.size)
    return end.size


def _cut(descriptor: int, size: int) -> int:
    os.ftruncate(descriptor, size)
    os.fsync(descriptor)
    return size


def committed_number(con: duckdb.DuckDBPyConnection) -> int | None:
    """The number of the last entry that the warehouse has committed; None where it does not say, for it was salvaged."""
    found = greatest(con, "ops.journal", "number")
    return None if found is None else int(found)


def is_kept(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a journal is kept of what is done on `con`.

    Raises:
        RuntimeError: it is, and no transaction goes on, in which alone entry and change are one.
    """
    pen = _PENS.get(id(con))
    if pen is None or pen.is_silent:
        return False
    if pen.did is None:
        raise RuntimeError("a journaled table is changed outside of a transaction(con)")
    return True


def note_put(con: duckdb.DuckDBPyConnection, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Note rows of `schema.table` that are new, or have changed."""
    _note(con, {"table": name, "columns": columns, "put": rows}, is_something=bool(rows))


def note_removed(con: duckdb.DuckDBPyConnection, name: str, key: Sequence[str], keys: Sequence[Sequence[Any]]) -> None:
    """Note the keys of rows that have gone."""
    _note(con, {"table": name, "columns": key, "removed": keys}, is_something=bool(keys))


def note_act(con: duckdb.DuckDBPyConnection, act: str, **arguments: Any) -> None:
    """Note that something was done which changes more than the journaled tables: a replay does it again, by its name."""
    _note(con, {"act": act, "arguments": arguments})


def note_load(
    con: duckdb.DuckDBPyConnection,
    dataset: str,
    source: str | None,
    paths: Sequence[Path],
    now: datetime,
    clock: datetime,
    zero_days: Sequence[str],
) -> None:
    """Note that the rows of landing files came in at `now`, whatever the clock said."""
    if is_kept(con):
        files = [(path.name, checksum_in(path.name) or checksum(path)) for path in paths]
        _note(con, {"load": dataset, "source": source, "at": now, "clock": clock, "zero_days": zero_days, "files": files})


def note_left_out(con: duckdb.DuckDBPyConnection, places: Sequence[tuple[int, int]]) -> None:
    """Note what of earlier entries does not hold any more, by their numbers and places in them."""
    _note(con, {"left_out": places}, is_something=bool(places))


def _note(con: duckdb.DuckDBPyConnection, did: Did, *, is_something: bool = True) -> None:
    if is_something and is_kept(con):
        pen = _PENS[id(con)]
        assert pen.did is not None
        pen.did.append(did)


def open_entry(con: duckdb.DuckDBPyConnection) -> None:
    """A transaction begins on `con`."""
    pen = _PENS.get(id(con))
    if pen is not None and not pen.is_silent:
        pen.did, pen.before = [], None


def next_number(con: duckdb.DuckDBPyConnection) -> int | None:
    """The number of the entry that the transaction has to write; None where there is nothing to enter."""
    pen = _PENS.get(id(con))
    return pen.last + 1 if pen is not None and pen.did else None


def write_entry(con: duckdb.DuckDBPyConnection, number: int) -> None:
    """Write what the transaction did, for good.

    Raises:
        GovpulseError: it cannot be written, and the transaction must not be committed.
    """
    pen = _PENS[id(con)]
    line = written(Entry(number, pen.committed, datetime.now(UTC), pen.migration, tuple(pen.did or ())))
    try:
        _go_to_current(pen)
        pen.before = pen.size
        with_reserve(pen.home, partial(_append, pen, line))
    except OSError as error:
        raise cannot_write(entries_of(pen.home, pen.segment), error) from error
    pen.last = number


def _go_to_current(pen: Pen) -> None:
    """A backup may have begun another segment."""
    segment = current_segment(pen.home)
    if segment != pen.segment:
        descriptor = owner_only(str(entries_of(pen.home, segment)), os.O_RDWR | os.O_CREAT)
        os.close(pen.descriptor)
        pen.segment, pen.descriptor, pen.size = segment, descriptor, os.fstat(descriptor).st_size


def _append(pen: Pen, line: bytes) -> None:
    start = pen.size if pen.before is None else pen.before
    if os.fstat(pen.descriptor).st_size > start:  # what an attempt left that failed
        os.ftruncate(pen.descriptor, start)
    at, rest = start, memoryview(line)
    while rest:
        count = os.pwrite(pen.descriptor, rest, at)
        at, rest = at + count, rest[count:]
    os.fdatasync(pen.descriptor)
    pen.size = at


def close_entry(con: duckdb.DuckDBPyConnection) -> None:
    """The transaction is committed."""
    pen = _PENS.get(id(con))
    if pen is not None and not pen.is_silent:
        if pen.before is not None:
            pen.committed = pen.last
        pen.did, pen.before = None, None


def drop_entry(con: duckdb.DuckDBPyConnection) -> None:
    """The transaction failed: its entry goes, unless the warehouse has it after all. Where that does not say any more, the next
    opening finds out."""
    pen = _PENS.get(id(con))
    if pen is None or pen.is_silent:
        return
    before, pen.did, pen.before = pen.before, None, None
    if before is None:
        return
    with suppress(duckdb.Error, OSError):
        number = committed_number(con)
        if number is not None and number > pen.committed:
            pen.committed = number
        else:
            pen.size = before
            _cut(pen.descriptor, before)


@contextmanager
def silent(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """What is done inside the block is in the journal already."""
    pen = _PENS.get(id(con))
    if pen is None:
        yield
        return
    pen.is_silent = True
    try:
        yield
    finally:
        pen.is_silent = False
        with suppress(duckdb.Error):
            pen.committed = committed_number(con) or 0


@contextmanager
def spoken(con: duckdb.DuckDBPyConnection, home: Home) -> Iterator[None]:
    """A journal is kept inside the block, were it by a pen of its own."""
    if id(con) in _PENS:
        yield
        return
    with journaled(con, home):
        yield
