"""The mark beside the warehouse: which file it was, and how much of its write-ahead log, when a commit was last acknowledged.

DuckDB takes whatever log lies beside a file for that file's own. By the mark a log that was cut, and a log or a file that was put
in the place of another, are told from what a killed writer leaves: a log that is longer than noted, or that ends with the
beginning of the checkpoint which the file has been through.

On opening, the file that is noted is fsynced before anything can be committed; after a commit the log's length is written without.
So after a power cut it may be too short, which is still right.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from storage.duckdb_file.headers import NO_STATE, Header, State, header_of, iteration_of, read_header
from storage.durable import write_durably
from storage.wholeness.torn_blocks import begun_from, copies_of, keep_copies, put_back_torn, settle

NAME = "warehouse.mark"
EDGE = 32
"""Bytes of the log's beginning and end that are noted."""
MOST_WAL_BYTES = 2**28
"""A longer log is checkpointed after a commit. DuckDB's own limit is put out of reach, so that it happens where it is noted."""
_FORM = struct.Struct("<8s2Q2QQ32s32sI")
_MAGIC = b"gpmark01"


@dataclass(frozen=True)
class Mark:
    """What was last known of the warehouse.

    Attributes:
        state: of the file.
        next: of the file that is about to be put in its place.
        length: bytes of the log that were committed.
        head: its first bytes.
        tail: its last ones before `length`.
    """

    state: State
    next: State = NO_STATE
    length: int = 0
    head: bytes = b""
    tail: bytes = b""


def state_of(header: Header) -> State:
    return State(header.iteration, header.checksum)


def packed(mark: Mark) -> bytes:
    states = (mark.state, mark.next)
    numbers = [number for state in states for number in (state.iteration, state.checksum)]
    content = _FORM.pack(_MAGIC, *numbers, mark.length, mark.head, mark.tail, 0)[:-4]
    return content + struct.pack("<I", zlib.crc32(content))


def unpacked(content: bytes) -> Mark | None:
    """The mark; None where it is none, or no longer whole."""
    if len(content) != _FORM.size or zlib.crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
        return None
    magic, *numbers, length, head, tail, _ = _FORM.unpack(content)
    edge = min(EDGE, length)
    return Mark(State(*numbers[:2]), State(*numbers[2:]), length, head[:edge], tail[:edge]) if magic == _MAGIC else None


def mark_of(file: Path) -> Path:
    """Where the mark of a warehouse file lies."""
    return file.with_name(NAME)


def wal_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")


def read_mark(file: Path) -> Mark | None:
    try:
        return unpacked(mark_of(file).read_bytes())
    except FileNotFoundError:
        return None


def write_mark(file: Path, mark: Mark) -> None:
    """For good, a power cut included."""
    write_durably(mark_of(file), packed(mark))


def forget_mark(file: Path) -> None:
    """Whatever lies there as the warehouse is what is wanted: the next opening takes it."""
    mark_of(file).unlink(missing_ok=True)


def announce(file: Path, fresh: Path) -> None:
    """Before `fresh` is put in the place of the warehouse `file`: killed before or behind it, the next opening knows both."""
    coming, current, mark = header_of(fresh), header_of(file), read_mark(file)
    if coming is not None:
        known = state_of(current) if current else mark.state if mark else NO_STATE
        write_mark(file, Mark(known, state_of(coming)))


def is_announced(header: Header | None, mark: Mark | None) -> bool:
    """Whether the file that lies there is the one that was announced, and nothing was done with it yet: a log is that of the one
    before, of which there is a copy."""
    return header is not None and mark is not None and mark.next not in (NO_STATE, mark.state) and state_of(header) == mark.next


@dataclass
class Watch:
    """An open warehouse: its file and log stay open for as long as DuckDB has them, for to close a descriptor is to unlock them."""

    file: Path
    descriptor: int
    mark: Mark
    pen: int
    kept: list[int] = field(default_factory=list)
    wal: tuple[int, int] | None = None


_WATCHES: dict[int, Watch] = {}
"""By the id of the connection."""


@contextmanager
def watched(con: duckdb.DuckDBPyConnection, file: Path) -> Iterator[None]:
    """Keep the mark of the warehouse `file` for as long as `con` has it attached; closes `con` in the end."""
    descriptor = os.open(file, os.O_RDONLY)
    pen = -1
    try:
        mark = _renewed(file, descriptor)
        pen = os.open(mark_of(file), os.O_WRONLY)
        _WATCHES[id(con)] = Watch(file, descriptor, mark, pen)
        con.execute("SET wal_autocheckpoint = '1TB'")
        yield
    finally:
        watch = _WATCHES.pop(id(con), None)
        if watch:
            _close(con, watch)
        con.close()
        for each in (descriptor, pen, *(watch.kept if watch else ())):
            with suppress(OSError):
                os.close(each)


def _close(con: duckdb.DuckDBPyConnection, watch: Watch) -> None:
    """To close makes a checkpoint of what is in the log; it stays there where the disk has no room for the copies of blocks."""
    try:
        if wal_of(watch.file).exists():
            keep_copies(watch.file, watch.descriptor)
    except OSError:
        with suppress(duckdb.Error):  # it has stopped by itself
            con.execute("PRAGMA disable_checkpoint_on_shutdown")
    con.close()
    header = read_header(watch.descriptor)
    if header is None or state_of(header) == watch.mark.state:
        put_back_torn(watch.file)
    elif _has_begun(watch.file, watch.mark, header):
        settle(watch.file)  # the next opening notes it: whatever log lies beside the file until then is not its own
    else:
        _note_checkpoint(watch)


def _has_begun(file: Path, mark: Mark, header: Header) -> bool:
    """Whether the file is behind a checkpoint that had begun from the state that is noted."""
    return begun_from(file) == mark.state and header.iteration == mark.state.iteration + 1


def _note_checkpoint(watch: Watch) -> None:
    """For good, and then the copies go."""
    header = read_header(watch.descriptor)
    if header is None or state_of(header) == watch.mark.state:
        return
    watch.mark, watch.wal = Mark(state_of(header)), None
    os.pwrite(watch.pen, packed(watch.mark), 0)
    os.fsync(watch.pen)
    copies_of(watch.file).unlink(missing_ok=True)


def _renewed(file: Path, descriptor: int) -> Mark:
    """The mark, written anew where the file is another than noted, or its log begins anew."""
    header, mark = read_header(descriptor), read_mark(file)
    state = state_of(header) if header else NO_STATE
    if mark is None or mark.state != state or mark.next != NO_STATE or (mark.length and not wal_of(file).exists()):
        mark = Mark(state)
        write_mark(file, mark)
        copies_of(file).unlink(missing_ok=True)
    return mark


def note_commit(con: duckdb.DuckDBPyConnection) -> None:
    """After a commit on `con`: how long the log is now. Nothing where it is no watched warehouse."""
    watch = _WATCHES.get(id(con))
    if watch is None or (wal := _open_wal(watch)) is None:
        return
    if iteration_of(watch.descriptor) != watch.mark.state.iteration and (header := read_header(watch.descriptor)):
        watch.mark = Mark(state_of(header))  # DuckDB made a checkpoint that nobody asked for
    length = os.fstat(wal).st_size
    edge = min(EDGE, length)
    head = watch.mark.head if len(watch.mark.head) == EDGE and watch.mark.length else os.pread(wal, edge, 0)
    watch.mark = replace(watch.mark, length=length, head=head, tail=os.pread(wal, edge, length - edge))
    os.pwrite(watch.pen, packed(watch.mark), 0)
    if length > MOST_WAL_BYTES:
        checkpoint(con)


def _open_wal(watch: Watch) -> int | None:
    """The log's descriptor, a new one after a checkpoint, which makes a new file."""
    try:
        inode = os.stat(wal_of(watch.file)).st_ino  # noqa: PTH116 - at every commit
    except FileNotFoundError:
        return None
    if watch.wal is None or watch.wal[0] != inode:
        watch.wal = (inode, os.open(wal_of(watch.file), os.O_RDONLY))
        watch.kept.append(watch.wal[1])
    return watch.wal[1]


def checkpoint(con: duckdb.DuckDBPyConnection) -> None:
    """Write what is in the log of `con`'s warehouse into its file, and note it."""
    watch = _WATCHES.get(id(con))
    if watch:
        keep_copies(watch.file, watch.descriptor)
    con.execute("CHECKPOINT")
    if watch:
        _note_checkpoint(watch)


def disagreement(
    header: Header | None,
    mark: Mark | None,
    edges: tuple[bytes, bytes],
    wal_length: int,
    checkpointed: int | None,
    begun_from: State = NO_STATE,
) -> str:
    """Why the file and the log that lie there are not those which are noted; empty where they may be.

    Args:
        edges: of the log, its first bytes and those before the noted length.
        wal_length: bytes of the log that are committed.
        checkpointed: what a checkpoint record at the log's end names.
        begun_from: the state from which a checkpoint had begun whose end is not noted.
    """
    if mark is None or header is None:
        return ""
    state = state_of(header)
    is_noted = state in (mark.state, mark.next)
    if not is_noted and mark.state != NO_STATE and (begun_from, state.iteration) != (mark.state, mark.state.iteration + 1):
        return "foreign file"
    if not wal_length:
        return "cut" if is_noted and mark.length and state == mark.state else ""
    if is_noted:
        return _log_disagreement(mark, edges, wal_length)
    is_of_this_checkpoint = checkpointed == header.catalogue and state.iteration == mark.state.iteration + 1
    return "" if is_of_this_checkpoint else "foreign log"


def _log_disagreement(mark: Mark, edges: Sequence[bytes], wal_length: int) -> str:
    if not mark.length:
        return ""
    shared = min(EDGE, wal_length)
    if edges[0][:shared] != mark.head[:shared]:
        return "foreign log"
    if wal_length < mark.length:
        return "cut"
    return "" if edges[1] == mark.tail else "foreign log"
