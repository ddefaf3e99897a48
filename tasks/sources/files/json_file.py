"""A JSON file -> rows of text: an array of objects, or, where it begins with no bracket, one object a line."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from storage.catalogue import Table
from tasks.sources.files.compression import open_unpacked
from tasks.sources.files.json_lines import Group, read_groups
from tasks.sources.files.ndjson_file import read_ndjson
from tasks.sources.files.unreadable import is_utf8, shown

BLOCK_CHARACTERS = 1 << 20
OBJECT_CHARACTERS = 1 << 26
GROUP_OBJECTS = 10_000
BETWEEN = re.compile(r"[\s,]*")
DECODER = json.JSONDecoder()


def read_json(path: Path, table: Table) -> Iterator[pa.Table]:
    """The rows of `path`, first an empty batch with the columns.

    Raises:
        GovpulseError: none of the first objects has a required column.
    """
    with open_unpacked(path) as packed, io.TextIOWrapper(packed, "utf-8-sig", "surrogateescape") as file:
        beginning = file.read(BLOCK_CHARACTERS)
        if beginning.lstrip().startswith("["):
            yield from read_groups(_groups(beginning.lstrip()[1:], file, path.name), table, path, "object")
            return
    yield from read_ndjson(path, table)


def _groups(buffer: str, file: TextIO, name: str) -> Iterator[Group]:
    group = Group(1, [], [], [])
    for number, text in enumerate(_elements(buffer, file), 1):
        if len(group.texts) >= GROUP_OBJECTS:
            yield group
            group = Group(number, [], [], [])
        if is_utf8(text):
            group.numbers.append(number)
            group.texts.append(text)
        else:
            group.reasons.append(f"object {number} of {shown(name)} is not UTF-8: {shown(text)}")
    yield group


def _elements(buffer: str, file: TextIO) -> Iterator[str]:
    """The text of each element behind the opening bracket; a broken one with all that follows, for nobody knows where it ends."""
    position = 0
    while True:
        position = _next(buffer, position)
        if buffer.startswith("]", position):
            return
        end = _end(buffer, position)
        if end is not None:
            yield buffer[position:end]
            position = end
            continue
        held = len(buffer) - position
        more = file.read(max(BLOCK_CHARACTERS, held)) if held < OBJECT_CHARACTERS else ""
        if not more:
            yield buffer[position:]
            return
        buffer, position = buffer[position:] + more, 0


def _next(buffer: str, position: int) -> int:
    found = BETWEEN.match(buffer, position)
    return found.end() if found else position


def _end(buffer: str, position: int) -> int | None:
    """Where the element ends; None where it does not, or may go on behind what has been read."""
    try:
        _, end = DECODER.raw_decode(buffer, position)
    except (ValueError, RecursionError):
        return None
    return end if end < len(buffer) else None
