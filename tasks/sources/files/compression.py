"""Files that are packed: `.gz` and `.zst`."""

import io
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

PACKED = {".gz": "gzip", ".zst": "zstd"}
BUFFER_BYTES = 1 << 20
PIECE_BYTES = 512
"""Of a piece in which the damage is, all is lost."""
DAMAGE = b"\xff (the file is cut off or damaged from here on)"
"""Stands behind the last that could be unpacked. It is no text, so that the line in which it is cannot pass for a whole one."""


def kind_of(path: Path) -> str:
    """The ending that says what is in the file, in lower case and without that of its packing."""
    return Path(path.stem if is_packed(path) else path.name).suffix.lower()


def is_packed(path: Path) -> bool:
    return path.suffix.lower() in PACKED


def open_unpacked(path: Path) -> BinaryIO:
    """The bytes that are in the file, as a stream.

    Raises:
        OSError: there is no such file.
    """
    if not is_packed(path):
        return path.open("rb")
    return cast("BinaryIO", io.BufferedReader(_Unpacked(path), BUFFER_BYTES))


class _Unpacked(io.RawIOBase):
    """Ends with DAMAGE where a packed file does not go on."""

    def __init__(self, path: Path) -> None:
        self._packed = pa.input_stream(path, compression=PACKED[path.suffix.lower()], buffer_size=BUFFER_BYTES)
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if self._is_over:
            return 0
        try:
            read = self._packed.read(min(len(buffer), PIECE_BYTES))
        except (OSError, pa.ArrowException):
            self._is_over, read = True, DAMAGE
        buffer[: len(read)] = read
        return len(read)

    def close(self) -> None:
        self._packed.close()
        super().close()
