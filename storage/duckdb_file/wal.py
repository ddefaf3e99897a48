"""What a write-ahead log of DuckDB holds, and whether it is what was written.

Layout: a version record without a checksum, then records of a size, a checksum and so many bytes, which begin with their type. A
commit ends with a record of type 100, whose 21 bytes are always the same. DuckDB takes a log whose beginning is damaged for an
empty one, and drops without a word what comes behind a place where a record does not fit.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from storage.duckdb_file.blocks import read_at
from storage.duckdb_file.checksum import checksum

VERSION = bytes.fromhex("640062650002ffff")
"""The record that a log of version 2 begins with."""
FRAME = struct.Struct("<QQ")
TYPE_AT = 2
COMMIT_TYPE, CHECKPOINT_TYPE = 100, 99
_COMMIT = bytes.fromhex("640064ffff")
COMMIT = FRAME.pack(len(_COMMIT), checksum(_COMMIT)) + _COMMIT
"""The whole record of a commit."""
ALMOST = 8
"""Of its bytes may differ where it is one that was damaged; of another record's beginning more would."""
WINDOW = 2**24

State = Literal["empty", "whole", "torn", "damaged", "unknown"]


@dataclass(frozen=True)
class WalState:
    """What is in a write-ahead log.

    Attributes:
        state: `torn`: it ends within a transaction, as a killed writer leaves it, and DuckDB rightly drops that. `damaged`: what
            was written is no longer there. `unknown`: of a version that we do not know.
        size: bytes.
        records: whole ones before the first bad place, the version record left out.
        commits: whole ones before it.
        committed_until: where the last of these ends.
        whole_until: where the last whole record ends.
        commits_behind: whole commit records found behind the bad place.
        checkpoint: where the metadata of the checkpoint lies that had begun when the log ended.
    """

    state: State
    size: int
    records: int = 0
    commits: int = 0
    committed_until: int = 0
    whole_until: int = 0
    commits_behind: int = 0
    checkpoint: int | None = None

    @property
    def bytes_behind(self) -> int:
        """Bytes from the first bad place on."""
        return self.size - self.whole_until


def wal_state(path: Path) -> WalState:
    """Walk the log `path` to its end; one that is not there is empty. Memory: its largest record.

    Raises:
        OSError: it cannot be read.
    """
    if not path.exists():
        return WalState("empty", 0)
    with path.open("rb", buffering=0) as file:
        return walk(file, path.stat().st_size)


def walk(file: BinaryIO, size: int) -> WalState:
    """The same of an open file of `size` bytes."""
    head = read_at(file, 0, len(VERSION))
    if head != VERSION:
        return _without_version(file, head, size)
    records, commits, committed, at, checkpoint = 0, 0, len(VERSION), len(VERSION), None
    for end, payload in whole_records(file, size):
        records, at = records + 1, end
        kind = payload[TYPE_AT]
        checkpoint = _checkpoint(payload) if kind == CHECKPOINT_TYPE else checkpoint
        if kind == COMMIT_TYPE:
            commits, committed = commits + 1, end
    behind = commits_in(file, at, size)
    state: State = "damaged" if behind or is_damaged_at(file, at, size) else "whole" if committed == size else "torn"
    return WalState(state, size, records, commits, committed, at, behind, checkpoint)


def _without_version(file: BinaryIO, head: bytes, size: int) -> WalState:
    """A log that does not begin as it should: cut in its first bytes, damaged there, or of another version."""
    if size < len(VERSION) and VERSION.startswith(head):
        return WalState("torn" if size else "empty", size)
    behind = commits_in(file, 0, size)
    is_ours = next(whole_records(file, size), None) is not None or sum(a != b for a, b in zip(head, VERSION, strict=False)) <= 1
    return WalState("damaged" if is_ours or behind else "unknown", size, commits_behind=behind)


def whole_records(file: BinaryIO, size: int, at: int = len(VERSION)) -> Iterator[tuple[int, bytes]]:
    """Where each record from `at` on ends, and what is in it, up to the first that is not whole."""
    while (payload := record_at(file, at, size)) is not None:
        at += FRAME.size + len(payload)
        yield at, payload


def record_at(file: BinaryIO, at: int, size: int) -> bytes | None:
    """What is in the record at `at`, where it is whole."""
    frame = read_at(file, at, FRAME.size)
    if len(frame) < FRAME.size:
        return None
    length, stored = FRAME.unpack(frame)
    if length > size - at - FRAME.size or length <= TYPE_AT:
        return None
    payload = read_at(file, at + FRAME.size, length)
    return payload if checksum(payload) == stored else None


def is_damaged_at(file: BinaryIO, at: int, size: int) -> bool:
    """Whether what begins at `at` is more than a record that was never written to its end: one that is there in full and does not
    match, or a commit, the last one, that no longer looks quite so. Zeros to the end are no record: a power cut leaves them."""
    left = size - at
    if left < FRAME.size:
        return False
    frame = read_at(file, at, FRAME.size)
    length, _ = FRAME.unpack(frame)
    if left == len(COMMIT) and _differing(read_at(file, at, left)) <= ALMOST:
        return True
    return length <= left - FRAME.size and not _is_zero(file, at, size)


def _differing(tail: bytes) -> int:
    return sum(a != b for a, b in zip(tail, COMMIT, strict=True))


def _is_zero(file: BinaryIO, at: int, size: int) -> bool:
    return all(not any(part) for part in _windows(file, at, size, 0))


def commits_in(file: BinaryIO, at: int, size: int) -> int:
    """How many whole commit records lie between `at` and the end, wherever they begin."""
    return sum(part.count(COMMIT) for part in _windows(file, at, size, len(COMMIT) - 1))


def _windows(file: BinaryIO, at: int, size: int, overlap: int) -> Iterator[bytes]:
    """The bytes from `at` on in pieces; each begins with the last `overlap` bytes of the one before."""
    kept = b""
    while at < size and (part := read_at(file, at, min(WINDOW, size - at))):
        at += len(part)
        yield kept + part
        kept = (kept + part)[-overlap:] if overlap else b""


def _checkpoint(payload: bytes) -> int:
    """The block pointer that a checkpoint record names: field 101, in it field 100, left out where it is zero."""
    if payload[5:7] != b"\x64\x00":
        return 0
    found, shift = 0, 0
    for byte in payload[7:]:
        found |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return found
