"""A CSV file -> rows of text, in batches. The contract casts them; nothing is guessed here.

What separates the fields is what a first line such as `sep=;` says, as spreadsheets write it, else what makes columns of the
contract out of the header: a comma, a semicolon or a tab.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from storage.catalogue import Table
from storage.errors import GovpulseError
from tasks.sources.files.columns import known_columns, places_of
from tasks.sources.files.compression import open_unpacked
from tasks.sources.files.csv_blocks import Blocks, parse_plain
from tasks.sources.files.csv_records import QUOTED_EMPTY, Lines, records
from tasks.sources.files.unreadable import with_unreadable

BATCH_CHARACTERS = 1 << 20
MEANING = {"": None, QUOTED_EMPTY: ""}
DELIMITERS = ",;\t"
SEPARATED = "with a comma, a semicolon or a tab between them"
DECLARED = re.compile(r'"?sep=([^"\w])"?\r?\n?', re.IGNORECASE)


def read_csv(path: Path, table: Table) -> Iterator[pa.Table]:
    """The rows of `path`, first an empty batch with its columns.

    Raises:
        GovpulseError: there is no header, it cannot be read, or it lacks a required column.
    """
    first = _first_line(path)
    declared = DECLARED.fullmatch(first)
    delimiter = declared[1] if declared else _delimiter(first, table)
    with open_unpacked(path) as file:
        blocks = Blocks(file)
        lines = Lines(blocks, path.name, delimiter)
        if declared:
            next(iter(lines))
        found = records(lines)
        header = next(found, None)
        places = _places(header, table, path)
        yield _batch([], [], places)
        while True:
            if blocks.is_between and not lines.returned:
                if not (block := blocks.take()):
                    return
                if (rows := parse_plain(block, places, len(header or []), delimiter)) is not None:
                    lines.number += block.count(b"\n")
                    yield rows
                    continue
                blocks.give_back(block)
            yield from _read_records(found, lines, blocks, places)


def _read_records(found: Iterator[list[str] | str], lines: Lines, blocks: Blocks, places: dict[str, int]) -> Iterator[pa.Table]:
    """One record after the other, up to the end of the block in which the last one ends."""
    rows: list[list[str]] = []
    reasons: list[str] = []
    for record in found:
        if isinstance(record, str):
            reasons.append(record)
        else:
            rows.append(record)
        if lines.characters >= BATCH_CHARACTERS:
            yield _batch(rows, reasons, places)
            rows, reasons, lines.characters = [], [], 0
        if blocks.is_between and not lines.returned:
            break
    yield _batch(rows, reasons, places)


def _first_line(path: Path) -> str:
    with open_unpacked(path) as packed, io.TextIOWrapper(packed, "utf-8-sig", "surrogateescape", newline="") as file:
        return file.readline(BATCH_CHARACTERS)


def _delimiter(header: str, table: Table) -> str:
    """That with which most columns are known; a comma where it makes no difference."""
    return max(DELIMITERS, key=lambda sign: len(places_of(table, next(csv.reader([header], delimiter=sign), []))))


def _places(header: list[str] | str | None, table: Table, path: Path) -> dict[str, int]:
    """Where in a record each column is."""
    if not isinstance(header, list):
        raise GovpulseError(f"cannot read {path}: {header or 'it has no header'}")
    try:
        return known_columns(table, header, str(path))
    except GovpulseError as error:
        only = len(header) == 1 and not places_of(table, header)
        raise GovpulseError(f"{error}; its first line must name the columns, {SEPARATED}" if only else str(error)) from error


def _batch(rows: list[list[str]], reasons: list[str], places: dict[str, int]) -> pa.Table:
    columns = list(zip(*rows, strict=True))
    texts = {name: _texts(columns[place] if rows else ()) for name, place in places.items()}
    return with_unreadable(pa.table(texts), reasons)


def _texts(column: Sequence[str]) -> pa.Array:
    if QUOTED_EMPTY in column:
        return pa.array([MEANING.get(text, text) for text in column], pa.string())
    texts = pa.array(column, pa.string())
    return pc.if_else(pc.equal(texts, ""), None, texts)
