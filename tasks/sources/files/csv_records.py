"""The records of a CSV file, and what is wrong with those that cannot be read.

Python's csv module does the parsing, strictly: faster readers fill short records with NULL or let a quote that does not end
swallow what follows. Here such a quote costs its own line only; the lines after it are read again.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from tasks.sources.files.unreadable import is_utf8, shown
from tasks.wording import counted

FIELD_CHARACTERS = 1 << 24
"""So far a quote may be from its end: what a file without the end of a quote costs in memory."""
LINE_CHARACTERS = 1 << 26
QUOTED_EMPTY = "\ud800"
"""Stands for `""`, which the csv module cannot tell from nothing at all. No text has it: it is no character."""


class Readable(Protocol):
    """What gives one line after the other, with its end; an empty one when there are no more."""

    def readline(self, limit: int, /) -> str: ...


@dataclass
class Lines:
    """The lines of a file, with a way back. `record` has those of the record that is being read, as they are in the file."""

    file: Readable
    name: str
    delimiter: str = ","
    number: int = 0
    first_number: int = 1
    characters: int = 0
    record: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    is_marked: bool = False
    is_ascii: bool = True
    quoted_empty: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self.quoted_empty = re.compile(rf'(?<![^{self.delimiter}\r\n])""(?![^{self.delimiter}\r\n])')

    def __iter__(self) -> Iterator[str]:
        """A line that begins a record begins behind the zeros that a file system leaves where a write was lost."""
        while line := self.returned.pop() if self.returned else self.file.readline(LINE_CHARACTERS):
            self.number += 1
            self.characters += len(line)
            if line.startswith("\0") and not self.record:
                line = _behind_zeros(line) or line
            self.record.append(line)
            if not line.isascii():
                self.is_ascii = False
            if '""' in line:
                line, marks = self.quoted_empty.subn(QUOTED_EMPTY, line)
                self.is_marked = self.is_marked or marks > 0
            yield line

    def begin_record(self) -> None:
        self.record.clear()
        self.first_number = self.number + 1
        self.is_marked, self.is_ascii = False, True

    def give_up_first(self) -> None:
        """Read the record again from its second line, or from where zeros end in the first one."""
        rest = _behind_zeros(self.record[0]) if "\0" in self.record[0] else ""
        again = [*([rest] if rest else []), *self.record[1:]]
        self.returned += reversed(again)
        self.number -= len(again)
        self.record[:] = [self.record[0].removesuffix(rest)]


def _behind_zeros(line: str) -> str:
    """What stands in a line behind the last of its zeros; empty where nothing does."""
    rest = line[line.rfind("\0") + 1 :]
    return rest if rest.strip("\r\n") else ""


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
    if width and not lines.is_ascii and not all(map(is_utf8, lines.record)):
        return _describe(lines, "is not UTF-8")
    return _restore(fields) if lines.is_marked else fields


def _refuse(lines: Lines, fault: str) -> str:
    lines.give_up_first()
    return _describe(lines, fault)


def _describe(lines: Lines, fault: str) -> str:
    text = "".join(lines.record).rstrip("\r\n")
    return f"line {lines.first_number} of {shown(lines.name)} {fault}: {shown(text)}"


def _quote_fault(error: csv.Error, lines: Lines) -> str:
    if "limit" in str(error):
        return f"has a field of over {FIELD_CHARACTERS:,} characters or a quote that does not end"
    is_open = "end of data" in str(error) or len(lines.record) > 1
    return "has a quote that does not end" if is_open else "has text behind a closing quote"


def _width_fault(fields: list[str], width: int, lines: Lines) -> str:
    fault = f"has {counted(len(fields), 'field')}, not {width}"
    return f"{fault}, or a quote that does not end" if len(lines.record) > 1 else fault


def _restore(fields: list[str]) -> list[str]:
    """Inside a quoted field `""` was a quote, not a field."""
    return [text if text == QUOTED_EMPTY else text.replace(QUOTED_EMPTY, '"') for text in fields]
