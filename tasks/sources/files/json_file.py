"""A JSON file -> rows of text: an array of objects, or, where it begins with no bracket, one object a line."""

import io
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from storage.catalogue import Table
from tasks.sources.files.columns import plain, required_columns
from tasks.sources.files.compression import open_unpacked
from tasks.sources.files.json_lines import Group, read_groups
from tasks.sources.files.ndjson_file import read_ndjson
from tasks.sources.files.unreadable import is_utf8, shown

BLOCK_CHARACTERS = 1 << 20
OBJECT_CHARACTERS = 1 << 26
GROUP_OBJECTS = 10_000
BETWEEN = re.compile(r"[\s,]*")
BEGINNING = re.compile(r"[,\[\]}\n]\s*(?=\{)")
"""What is before an object that is no part of another one, as far as can be seen."""
DECODER = json.JSONDecoder()


def read_json(path: Path, table: Table) -> Iterator[pa.Table]:
    """The rows of `path`, first an empty batch with the columns.

    Raises:
        GovpulseError: none of the first objects has a required column.
    """
    with open_unpacked(path) as packed, io.TextIOWrapper(packed, "utf-8-sig", "surrogateescape") as file:
        beginning = file.read(BLOCK_CHARACTERS)
        if beginning.lstrip().startswith("["):
            elements = _elements(beginning.lstrip()[1:], file, required_columns(table))
            yield from read_groups(_groups(elements, path.name), table, path, "object")
            return
    yield from read_ndjson(path, table)


def _groups(elements: Iterator[str], name: str) -> Iterator[Group]:
    group = Group(1, [], [], [])
    for number, text in enumerate(elements, 1):
        if len(group.texts) >= GROUP_OBJECTS:
            yield group
            group = Group(number, [], [], [])
        if is_utf8(text):
            group.numbers.append(number)
            group.texts.append(text)
        else:
            group.reasons.append(f"object {number} of {shown(name)} is not UTF-8: {shown(text)}")
    yield group


def _elements(buffer: str, file: TextIO, required: Collection[str]) -> Iterator[str]:
    """The text of each element behind the opening bracket; a broken one with all up to the next object that is whole."""
    position = 0
    while True:
        position = _next(buffer, position)
        end = _end(buffer, position)
        if end is not None:
            yield buffer[position:end]
            position = end
            continue
        held = len(buffer) - position
        more = file.read(max(BLOCK_CHARACTERS, held)) if held < OBJECT_CHARACTERS else ""
        if more:
            buffer, position = buffer[position:] + more, 0
            continue
        if buffer[position:].strip() in ("", "]"):
            return
        again = _next_whole(buffer, position + 1, required)
        yield buffer[position:again].rstrip(", \t\r\n")
        position = again


def _next_whole(buffer: str, position: int, required: Collection[str]) -> int:
    """Where behind a broken element the next object begins that is whole and has the columns that a row needs; the end of what has
    been read where there is none. In a text of JSON none can begin: its quotes would be escaped."""
    for found in BEGINNING.finditer(buffer, position):
        if _end(buffer, found.end()) is not None:
            keys = DECODER.raw_decode(buffer, found.end())[0]
            if {plain(key) for key in keys}.issuperset(required):
                return found.end()
    return len(buffer)


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
