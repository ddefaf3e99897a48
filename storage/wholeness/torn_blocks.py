"""Blocks that a checkpoint overwrites while they are in use, kept beside the warehouse until it is over (a doublewrite buffer).

DuckDB writes the metadata of a checkpoint into the free parts of blocks whose other parts the file needs until the new header is
there. A process that is killed in the midst of such a block leaves it half old and half new, and no checksum matches: the file
would not open any more. So these blocks are copied first, and the next who has the warehouse's turn puts back what was torn.
"""

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

from storage.access import owner_only
from storage.duckdb_file.headers import BLOCK, NO_STATE, Header, State, block_at, header_of, read_header
from storage.duckdb_file.metadata import half_used_blocks

NAME = "warehouse.torn"
_FORM = struct.Struct("<8s3Q")
_MAGIC = b"gptorn01"


def copies_of(file: Path) -> Path:
    """Where the copies of a warehouse file's blocks lie."""
    return file.with_name(NAME)


def keep_copies(file: Path, descriptor: int) -> None:
    """Before a checkpoint of `file`, open as `descriptor`: for good, a power cut included. Copies of this state stay as they are,
    for a checkpoint that failed may have torn the blocks since.

    Raises:
        OSError: the disk is full or fails; a checkpoint would not be safe.
    """
    header = read_header(descriptor)
    if header is None or _read_copies(file, header):
        return
    blocks = half_used_blocks(descriptor, header)
    content = [_FORM.pack(_MAGIC, header.iteration, header.checksum, len(blocks)), struct.pack(f"<{len(blocks)}Q", *blocks)]
    content += [os.pread(descriptor, BLOCK, block_at(block)) for block in blocks]
    whole = b"".join(content)
    with open(copies_of(file), "wb", opener=owner_only) as copies:
        copies.write(whole + struct.pack("<I", zlib.crc32(whole)))
        copies.flush()
        os.fsync(copies.fileno())


def put_back_torn(file: Path) -> list[int]:
    """Blocks that a checkpoint left half written, as they were; returns which. Copies from before a checkpoint that has ended stay:
    they tell that it had begun. No process may have `file` open."""
    copies = copies_of(file)
    if not copies.exists():
        return []
    header = header_of(file) if file.exists() else None
    if header and header.iteration == begun_from(file)[0] + 1:
        return []
    kept = _read_copies(file, header) if header else {}
    put_back = [block for block, copy in kept.items() if _put_back(file, block, copy)]
    copies.unlink()
    return put_back


def settle(file: Path) -> None:
    """The checkpoint has ended: of the copies nothing stays but that it had begun."""
    with suppress(FileNotFoundError):
        os.truncate(copies_of(file), _FORM.size)


def begun_from(file: Path) -> State:
    """The state that the copies are from; none where there are none."""
    try:
        with copies_of(file).open("rb") as copies:
            magic, iteration, checksum, _ = _FORM.unpack(copies.read(_FORM.size))
    except (FileNotFoundError, struct.error):
        return NO_STATE
    return State(iteration, checksum) if magic == _MAGIC else NO_STATE


def _read_copies(file: Path, header: Header) -> dict[int, bytes]:
    """By block; none where the copies are not whole, or of another state of the file, for a checkpoint has ended."""
    try:
        content = copies_of(file).read_bytes()
    except FileNotFoundError:
        return {}
    if len(content) < _FORM.size + 4 or zlib.crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
        return {}
    magic, iteration, checksum, count = _FORM.unpack_from(content)
    if magic != _MAGIC or (iteration, checksum) != (header.iteration, header.checksum):
        return {}
    first = _FORM.size + 8 * count
    blocks = struct.unpack_from(f"<{count}Q", content, _FORM.size)
    return {block: content[first + number * BLOCK : first + (number + 1) * BLOCK] for number, block in enumerate(blocks)}


def _put_back(file: Path, block: int, copy: bytes) -> bool:
    """Where what is there does not match its checksum, and the copy does."""
    from storage.duckdb_file.blocks import is_whole_block  # NumPy, for the one time in many that a checkpoint did not end

    with file.open("rb+", buffering=0) as opened:
        there = os.pread(opened.fileno(), BLOCK, block_at(block))
        if is_whole_block(there) or not is_whole_block(copy):
            return False
        os.pwrite(opened.fileno(), copy, block_at(block))
        os.fsync(opened.fileno())
    return True
