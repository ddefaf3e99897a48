"""The three headers at the beginning of a DuckDB file. Without NumPy, for they are read whenever the warehouse is opened."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MAGIC = b"DUCK"
HEADER = 4096
HEADERS = 3
BLOCKS_AT = HEADERS * HEADER
BLOCK = 262_144
"""Bytes, the checksum included."""
KNOWN_FORMATS = range(64, 69)
"""Numbers of the format whose layout is this one."""
_FIELDS = struct.Struct("<7Q")
_FACTOR, _SEED, _MASK = 0xBF58476D1CE4E5B9, 5381, 2**64 - 1
NO_BLOCK = 2**64 - 1


class State(NamedTuple):
    """One state of a file: its count of checkpoints and the checksum of its header. Not the metadata that it names: they are
    written into a block that is in use, before the header, and a kill may come between."""

    iteration: int
    checksum: int


NO_STATE = State(2**64 - 1, 0)


class UnknownFormatError(Exception):
    """The file is none of DuckDB's, or of a format that we do not know."""


@dataclass(frozen=True)
class Header:
    """What a database header says.

    Attributes:
        iteration: counts checkpoints.
        catalogue: where the metadata begins; the block in the low 56 bits.
        free_list: where the list of free blocks begins.
        blocks: how many there are.
    """

    iteration: int
    catalogue: int
    free_list: int
    blocks: int
    block_bytes: int
    checksum: int


def header_checksum(page: bytes) -> int:
    """Of a header's page but for its first word: pure Python takes a tenth of a millisecond."""
    found = _SEED
    for word in struct.unpack(f"<{HEADER // 8 - 1}Q", page[8:]):
        if word:
            found ^= word * _FACTOR & _MASK
    return found


def is_whole(page: bytes) -> bool:
    return len(page) == HEADER and int.from_bytes(page[:8], "little") == header_checksum(page)


def check_format(main: bytes) -> None:
    """Whether the main header is one of a file that we can read.

    Raises:
        UnknownFormatError: it is not.
    """
    if main[8:12] != MAGIC:
        raise UnknownFormatError("not a valid DuckDB database file")
    if int.from_bytes(main[12:20], "little") not in KNOWN_FORMATS:
        raise UnknownFormatError(f"unknown format number {int.from_bytes(main[12:20], 'little')} of a DuckDB file")


def parse(page: bytes) -> Header:
    """A database header, whether or not it is whole."""
    checksum, iteration, catalogue, free_list, blocks, block_bytes, _ = _FIELDS.unpack_from(page)
    return Header(iteration, catalogue, free_list, blocks, block_bytes, checksum)


def active(pages: bytes) -> Header | None:
    """The newer of the two whole database headers among the first `BLOCKS_AT` bytes; of equal ones the second, as DuckDB does."""
    found = [pages[at : at + HEADER] for at in (2 * HEADER, HEADER)]
    return max((parse(page) for page in found if is_whole(page)), key=lambda header: header.iteration, default=None)


def header_of(path: Path) -> Header | None:
    """The active database header of a file; None unless all of its headers are whole, for a damaged one may be the active one."""
    with path.open("rb", buffering=0) as file:
        pages = os.pread(file.fileno(), BLOCKS_AT, 0)
    return active(pages) if all(is_whole(pages[at : at + HEADER]) for at in range(0, BLOCKS_AT, HEADER)) else None


def read_header(descriptor: int) -> Header | None:
    """The same of a file that DuckDB has opened, wherever it stands."""
    return active(os.pread(descriptor, BLOCKS_AT, 0))


def iteration_of(descriptor: int) -> int:
    """How many checkpoints an open file has been through, without a look at its checksums: two short reads."""
    return max(int.from_bytes(os.pread(descriptor, 8, at + 8), "little") for at in (HEADER, 2 * HEADER))


def block_at(block: int) -> int:
    """Where a block begins."""
    return BLOCKS_AT + block * BLOCK
