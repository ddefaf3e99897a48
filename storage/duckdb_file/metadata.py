"""The metadata of a DuckDB file: chains of parts, 64 of which share a block. Without NumPy, for it is read before each checkpoint.

At the end of the list of free blocks stands which blocks hold metadata, and which of their parts are free: a checkpoint writes its
own metadata into free parts, and so a whole block anew in which parts are in use.
"""

import os
import struct
from collections.abc import Callable, Iterator

from storage.duckdb_file.headers import BLOCK, NO_BLOCK, Header, block_at

PARTS = 64
PART = (BLOCK - 8) // PARTS // 8 * 8
"""Bytes of each part; the first 8 say where the next one is."""
ALL_FREE = 2**PARTS - 1
_COUNT, _USED_BY_SEVERAL, _METADATA = struct.Struct("<Q"), struct.Struct("<qI"), struct.Struct("<qQ")


def follow(read: Callable[[int], bytes], pointer: int, blocks: int) -> Iterator[bytes]:
    """What is written from `pointer` on, part by part.

    Args:
        read: the content of a block, by its number.
        blocks: how many there are.

    Raises:
        LookupError: a pointer leads nowhere; or whatever `read` raises.
    """
    seen: set[int] = set()
    while pointer != NO_BLOCK:
        block, part = pointer & (1 << 56) - 1, pointer >> 56
        if pointer in seen or block >= blocks or part >= PARTS:
            raise LookupError
        seen.add(pointer)
        said = read(block)[8 + part * PART : 8 + (part + 1) * PART]
        pointer = int.from_bytes(said[:8], "little")
        yield said[8:]


def half_used_blocks(descriptor: int, header: Header) -> list[int]:
    """The blocks of metadata of an open file in which parts are in use and parts are free; none where its list cannot be read."""
    if header.free_list == NO_BLOCK or header.block_bytes != BLOCK:
        return []
    try:
        listed = b"".join(follow(lambda block: os.pread(descriptor, BLOCK, block_at(block)), header.free_list, header.blocks))
        at = _behind(listed, _behind(listed, 0, _COUNT.size), _USED_BY_SEVERAL.size)
        (count,) = _COUNT.unpack_from(listed, at)
        entries = [_METADATA.unpack_from(listed, at + _COUNT.size + number * _METADATA.size) for number in range(count)]
    except (struct.error, LookupError):
        return []
    return sorted(block for block, free in entries if 0 < free < ALL_FREE and 0 <= block < header.blocks)


def _behind(listed: bytes, at: int, size: int) -> int:
    """Where the list that begins at `at` ends."""
    return at + _COUNT.size + int(_COUNT.unpack_from(listed, at)[0]) * size
