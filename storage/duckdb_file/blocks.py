"""Which headers and blocks of a DuckDB file are damaged, by the checksums that DuckDB writes and looks at only when it reads a
block.

Layout: three headers of 4,096 bytes, then blocks of 262,144; each begins with the checksum of its rest. What a table, an index or
the metadata holds is in a block below the count of the active header that is not in its list of free ones: a crash may leave half
a block elsewhere, and nobody reads it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from storage.duckdb_file.checksum import Words, checksums, words
from storage.duckdb_file.headers import (
    BLOCK,
    BLOCKS_AT,
    HEADER,
    HEADERS,
    NO_BLOCK,
    Header,
    UnknownFormatError,
    active,
    block_at,
    check_format,
    is_whole,
)
from storage.duckdb_file.metadata import follow

BATCH = 64
"""Blocks read at once: 16 MB, and as much again for the products."""


@dataclass(frozen=True)
class Damage:
    """What does not match its checksum.

    Attributes:
        headers: 0 the main header, 1 and 2 those of the database.
        blocks: the damaged ones that hold something, among those looked at; also those that lie behind the end of the file.
        unused: the damaged ones that hold nothing.
        looked_at: how many blocks were.
        total: how many blocks the file has.
        is_free_known: whether the list of free blocks could be read; without it every block counts as in use.
    """

    headers: tuple[int, ...] = ()
    blocks: tuple[int, ...] = ()
    unused: tuple[int, ...] = ()
    looked_at: int = 0
    total: int = 0
    is_free_known: bool = True

    @property
    def is_none(self) -> bool:
        return not self.headers and not self.blocks


def damage_of(path: Path, blocks: range | None = None) -> Damage:
    """Look at the headers and at `blocks` of a file that nobody writes to, or at all of them; a GB takes about a second.

    Not in a process that has the file attached.

    Raises:
        UnknownFormatError: it is no DuckDB file, or not of this layout; nothing is guessed.
        OSError: it cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        pages = read_at(file, 0, BLOCKS_AT)
        headers = damaged_headers(pages)
        if 0 not in headers:
            check_format(pages)
        header = active(pages)
        if header is not None and header.block_bytes != BLOCK:
            raise UnknownFormatError(f"unknown block size {header.block_bytes} of a DuckDB file")
        total = blocks_in(path.stat().st_size)
        free = None if header is None else free_blocks(file, header)
        looked_at = range(total) if blocks is None else blocks[: max(0, total - blocks.start)]
        broken = damaged_blocks(file, looked_at)
        end = total if header is None else header.blocks
    missing = set(range(total, end)) if blocks is None or blocks.stop >= total else set()
    used = [block for block in (*broken, *sorted(missing)) if free is None or (block < end and block not in free)]
    unused = tuple(block for block in broken if block not in used)
    return Damage(headers, tuple(used), unused, len(looked_at), total, free is not None)


def damaged_headers(pages: bytes) -> tuple[int, ...]:
    """Which of the first three pages are no whole headers."""
    return tuple(number for number in range(HEADERS) if not is_whole(pages[number * HEADER : (number + 1) * HEADER]))


def blocks_in(size: int) -> int:
    """How many whole blocks a file of `size` bytes has."""
    return max(0, size - BLOCKS_AT) // BLOCK


def damaged_blocks(file: BinaryIO, blocks: range) -> list[int]:
    """Those of the file's blocks that do not match their checksums."""
    found: list[int] = []
    for first, rows in _batches(file, blocks):
        broken = np.flatnonzero(checksums(rows[:, 1:]) != rows[:, 0])
        found += [first + int(row) for row in broken]
    return found


def _batches(file: BinaryIO, blocks: range) -> Iterator[tuple[int, Words]]:
    for first in range(blocks.start, blocks.stop, BATCH):
        read = read_at(file, block_at(first), BLOCK * (min(first + BATCH, blocks.stop) - first))
        yield first, words(read[: len(read) // BLOCK * BLOCK]).reshape(-1, BLOCK // 8)


def read_at(file: BinaryIO, at: int, size: int) -> bytes:
    """So many bytes, fewer at the end of the file."""
    file.seek(at)
    parts: list[bytes] = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def free_blocks(file: BinaryIO, header: Header) -> frozenset[int] | None:
    """The blocks that hold nothing as of `header`; None where the list cannot be read."""
    if header.free_list == NO_BLOCK:
        return frozenset()
    try:
        listed = b"".join(follow(lambda block: _whole_block(file, block), header.free_list, header.blocks))
        (count,) = struct.unpack_from("<Q", listed)
        return frozenset(struct.unpack_from(f"<{count}Q", listed, 8)) if count <= header.blocks else None
    except (struct.error, LookupError):
        return None


def _whole_block(file: BinaryIO, block: int) -> bytes:
    """
    Raises:
        LookupError: it is damaged.
    """
    content = read_at(file, block_at(block), BLOCK)
    if not is_whole_block(content):
        raise LookupError
    return content


def is_whole_block(content: bytes) -> bool:
    """Whether a block matches its checksum."""
    return len(content) == BLOCK and int(checksums(words(content[8:]))) == int.from_bytes(content[:8], "little")
