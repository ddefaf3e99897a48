"""The records of a CSV file, and what is wrong with those that cannot be read.

Python's csv module does the parsing, strictly: faster readers fill short records with NULL or let a quote that does not end
swallow what follows. Here such a quote costs its own line only; the lines after it are read again.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

from tasks.sources.files.unreadable import is_utf8, shown

FIELD_CHARACTERS = 1 << 24
"""So far a quote may be from its end: what a file without the end of a quote costs in memory."""
LINE_CHARACTERS = 1 << 26
QUOTED_EMPTY = "\ud800"
"""Stands for `""`, which the csv module cannot tell from nothing at all. No text has it: it is no character."""


@dataclass
class Lines:
    """The lines of a file, with a way back. `record` has those of the record that is being read, as they are in the file."""

    file: TextIO
    name: str
    delimiter: str = ","
    number: int = 0
    characters: int = 0
    record: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    is_marked: bool = False
    quoted_empty: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self.quoted_empty = re.compile(rf'(?<![^{self.delimiter}\r\n])""(?![^{self.delimiter}\r\n])')

    def __iter__(self) -> Iterator[str]:
        while line := self.returned.pop() if self.returned else self.file.readline(LINE_CHARACTERS):
            self.number += 1
            self.characters += len(line)
            self.record.append(line)
            if '""' in line:
                self.is_marked = True
                line = self.quoted_empty.sub(QUOTED_EMPTY, line)
            yield line

    def begin_record(self) -> None:
        self.record.clear()
        self.is_marked = False

    def give_up_first(self) -> None:
        """Read the record again from its second line."""
        again = self.record[1:]
        self.returned += reversed(again)
        self.number -= len(again)
        del self.record[1:]


def records(lines: Lines) -> Iterator[list[str] | str]:
    """Each record as its fields, or as the reason why it cannot be read. The first one says how many fields there are."""
    csv.field_size_limit(FIELD_CHARACTERS)  # of the whole process; nothing else here reads CSV
    reader, width = csv.reader(lines, strict=True, delimiter=lines.delimiter), 0
    while True:
        lines.begin_record()
        try:
            fields = next(reader, None)
        except csv.Error as error:
            yield _refuse(lines, _quote_fault(error, lines))
            reader = csv.reader(lines, strict=True, delimiter=lines.delimiter)  # the old one may have come to the end of the file
            continue
        if fields is None:
            return
        if fields:
            yield _judge(fields, width, lines)
            width = width or len(fields)


def _judge(fields: list[str], width: int, lines: Lines) -> list[str] | str:
    """A name in the header may be anything: only those that the contract knows count."""
    if width and len(fields) != width:
        return _refuse(lines, _width_fault(fields, width, lines))
    if width and not all(map(is_utf8, lines.record)):
        return _describe(lines, "is not UTF-8")
    return _restore(fields) if lines.is_marked else fields


def _refuse(lines: Lines, fault: str) -> str:
    lines.give_up_first()
    return _describe(lines, fault)


def _describe(lines: Lines, fault: str) -> str:
    text = "".join(lines.record).rstrip("\r\n")
    return f"line {lines.number - len(lines.record) + 1} of {shown(lines.name)} {fault}: {shown(text)}"


def _quote_fault(error: csv.Error, lines: Lines) -> str:
    if "limit" in str(error):
        return f"has a field of over {FIELD_CHARACTERS:,} characters or a quote that does not end"
    is_open = "end of data" in str(error) or len(lines.record) > 1
    return "has a quote that does not end" if is_open else "has text behind a closing quote"


def _width_fault(fields: list[str], width: int, lines: Lines) -> str:
    fault = f"has {len(fields)} field{'s' * (len(fields) > 1)}, not {width}"
    return f"{fault}, or a quote that does not end" if len(lines.record) > 1 else fault


def _restore(fields: list[str]) -> list[str]:
    """Inside a quoted field `""` was a quote, not a field."""
    return [text if text == QUOTED_EMPTY else text.replace(QUOTED_EMPTY, '"') for text in fields]
