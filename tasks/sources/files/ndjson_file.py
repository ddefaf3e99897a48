"""An NDJSON file -> rows of text, in batches. A line that cannot be read costs no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from storage.catalogue import Table
from storage.errors import GovpulseError
from tasks.sources.files.compression import open_unpacked
from tasks.sources.files.json_lines import Group, read_groups
from tasks.sources.files.line_ends import end_of_lines
from tasks.sources.files.unreadable import shown

BLOCK_BYTES = 1 << 22
LINE_BYTES = 1 << 26
ZEROS = re.compile("\0+")
"""What a file system leaves where a write was lost. JSON has none, so that what stands behind them is a text of its own."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_ndjson(path: Path, table: Table) -> Iterator[pa.Table]:
    """The rows of `path`, first an empty batch with the columns.

    Raises:
        GovpulseError: none of the first lines has a required column, or a line is too long for any row.
    """
    with open_unpacked(path) as file:
        groups = (_decode(lines, start, path.name) for start, lines in _numbered(file, path))
        yield from read_groups(groups, table, path, "line")


def _numbered(file: BinaryIO, path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Whole lines in groups, each with the number of its first line."""
    number, rest = 1, b""
    while block := file.read(BLOCK_BYTES):
        rest += block
        end = end_of_lines(rest)
        lines, rest = rest[:end].splitlines(), rest[end:]
        if len(rest) > LINE_BYTES:
            raise GovpulseError(
                f"cannot read {path}: line {number + len(lines)} is over {LINE_BYTES:,} bytes; write one row per line"
            )
        yield number, lines
        number += len(lines)
    yield number, rest.splitlines()


def _decode(lines: list[bytes], start: int, name: str) -> Group:
    """The lines that are text, blank ones left out, and why the others are not."""
    group = Group(start, [], [], [])
    for number, line in enumerate(lines, start):
        try:
            text = (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).decode().strip()
        except UnicodeDecodeError:
            group.reasons.append(f"line {number} of {shown(name)} is not UTF-8: {shown(line.rstrip())}")
            continue
        texts = [part for part in ZEROS.split(text) if part] or [text] if text else []
        group.numbers.extend([number] * len(texts))
        group.texts.extend(texts)
    return group
