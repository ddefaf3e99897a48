"""A CSV file in blocks of whole lines, and those blocks in which every line is plain, parsed by Arrow.

A block is plain where it is UTF-8, each of its lines has all fields, and each quote opens a field, ends it, or is doubled inside:
then there is one way to read it, and Arrow's is many times as fast as that of the csv module. Any other is read line by line.
"""

import io
from collections.abc import Callable, Mapping
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv

from tasks.sources.files.line_ends import end_of_first_line, end_of_lines

BLOCK_BYTES = 1 << 21
LINE_BYTES = 1 << 26
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Blocks:
    """The lines of a file, to be taken in blocks or one by one; the first line is a block of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held = self._rest = b""
        self._held = self._cut_behind(end_of_first_line).removeprefix(BYTE_ORDER_MARK)
        self._text = io.StringIO()
        self._characters = 0

    @property
    def is_between(self) -> bool:
        """Whether the next line is the first of a block."""
        return self._characters == 0

    def take(self) -> bytes:
        """The next block; empty at the end of the file."""
        block, self._held = self._held, b""
        return block or self._cut_behind(end_of_lines)

    def _cut_behind(self, find_end: Callable[[bytes], int]) -> bytes:
        while not (end := find_end(self._rest)) and len(self._rest) < LINE_BYTES:
            read = self._file.read(BLOCK_BYTES)
            if not read:
                break
            self._rest += read
        end = end or len(self._rest)
        block, self._rest = self._rest[:end], self._rest[end:]
        return block

    def give_back(self, block: bytes) -> None:
        self._held = block

    def readline(self, limit: int) -> str:
        """One line, as a file of text gives it that keeps line ends and bytes that are no UTF-8."""
        if not self._characters:
            text = self.take().decode(errors="surrogateescape")
            self._text, self._characters = io.StringIO(text, newline=""), len(text)
        line = self._text.readline(limit)
        self._characters -= len(line)
        return line


def parse_plain(block: bytes, places: Mapping[str, int], width: int, delimiter: str) -> pa.Table | None:
    """The rows of a plain block; None where it is another."""
    if not _is_plain(block, delimiter.encode()):
        return None
    names = [str(place) for place in range(width)]
    wanted = [names[place] for place in places.values()]
    try:
        rows = arrow_csv.read_csv(
            pa.BufferReader(block),
            arrow_csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False),
            arrow_csv.ParseOptions(delimiter=delimiter, double_quote=True),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=wanted,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:  # a line has more or fewer fields
        return None
    return rows.rename_columns([*places])


def _is_plain(block: bytes, delimiter: bytes) -> bool:
    has_odd_ends = block.count(b"\r") != block.count(b"\r\n")
    return not has_odd_ends and b"\0" not in block and _is_utf8(block) and (b'"' not in block or _is_well_quoted(block, delimiter))


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_well_quoted(block: bytes, delimiter: bytes) -> bool:
    """Whether what stands between quotes is by turns outside a field in quotes and inside, and no line ends inside. Nothing at all
    outside is a doubled quote."""
    parts = block.split(b'"')
    first, *outside, last = parts[::2] if len(parts) % 2 else (b"x", b"x")
    before, behind = (delimiter, b"\n"), (delimiter, b"\n", b"\r")
    return (
        (not first or first.endswith(before))
        and (not last or last.startswith(behind))
        and all(part.endswith(before) and part.startswith(behind) for part in outside if part)
        and b"\n" not in b"".join(parts[1::2])
    )
