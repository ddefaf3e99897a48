"""Files that are packed: `.gz` and `.zst`."""

import io
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

PACKED = {".gz", ".zst"}
BUFFER_BYTES = 1 << 20
GZIP = zlib.MAX_WBITS | 16
STEP_BYTES = 1 << 14
FAILURES = (OSError, zlib.error, pa.ArrowException)
DAMAGE = b"\xff (the file is cut off or damaged from here on)"
"""Stands behind the last that could be unpacked. It is no text, so that the line in which it is cannot pass for a whole one."""


def kind_of(path: Path) -> str:
    """The ending that says what is in the file, in lower case and without that of its packing."""
    return Path(path.stem if is_packed(path) else path.name).suffix.lower()


def is_packed(path: Path) -> bool:
    return path.suffix.lower() in PACKED


def open_unpacked(path: Path) -> BinaryIO:
    """The bytes that are in the file, as a stream. Where a packed file does not go on, DAMAGE ends it.

    Raises:
        OSError: there is no such file.
    """
    if not is_packed(path):
        return path.open("rb")
    unpack = _unpack_gzip if path.suffix.lower() == ".gz" else _unpack_zstd
    return cast("BinaryIO", io.BufferedReader(_Unpacked(unpack(path)), BUFFER_BYTES))


class _Unpacked(io.RawIOBase):
    """Pieces as one stream."""

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._piece:
            try:
                self._piece = memoryview(next(self._pieces, b""))
            except FAILURES as error:
                if isinstance(error, OSError) and error.errno:  # damage has no number; a missing file or a broken disk has
                    raise
                self._piece = memoryview(DAMAGE)
            else:
                if not self._piece:
                    return 0
        count = min(len(buffer), len(self._piece))
        buffer[:count], self._piece = self._piece[:count], self._piece[count:]
        return count

    def close(self) -> None:
        self._pieces.close()
        super().close()


def _unpack_gzip(path: Path) -> Generator[bytes, None, None]:
    """All that can be unpacked before any damage, which raises zlib.error. There may be several parts, and zeros behind them.

    Of a step with damage in it zlib gives nothing, so that it is done again byte by byte.
    """
    part, packed = zlib.decompressobj(GZIP), b""
    with path.open("rb") as file:
        while packed or (packed := file.read(STEP_BYTES)):
            if part.eof:
                part, packed = zlib.decompressobj(GZIP), packed.lstrip(b"\0")
            before = part.copy()
            try:
                found = part.decompress(packed)
            except zlib.error:
                yield from filter(None, (before.decompress(packed[place : place + 1]) for place in range(len(packed))))
                raise
            if found:
                yield found
            packed = part.unused_data
    if not part.eof:
        raise zlib.error("it is cut off")


def _unpack_zstd(path: Path) -> Generator[bytes, None, None]:
    """Likewise; the damage raises OSError."""
    position = 0
    try:
        with pa.input_stream(path, compression="zstd", buffer_size=BUFFER_BYTES) as stream:
            while found := stream.read(BUFFER_BYTES):
                yield found
                position += len(found)
    except FAILURES:
        with pa.input_stream(path, compression="zstd", buffer_size=BUFFER_BYTES) as stream:
            stream.read(position)
            while byte := stream.read(1):
                yield byte
        raise
