"""A CSV file -> rows of text, in batches. The contract casts them; nothing is guessed here."""

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

import pyarrow as pa

from storage.catalogue import Table
from storage.errors import GovpulseError
from tasks.sources.files.columns import known_columns
from tasks.sources.files.csv_records import QUOTED_EMPTY, Lines, records
from tasks.sources.files.unreadable import with_unreadable

BATCH_CHARACTERS = 1 << 20
MEANING = {"": None, QUOTED_EMPTY: ""}


def read_csv(path: Path, table: Table) -> Iterator[pa.Table]:
    """The rows of `path`, first an empty batch with its columns.

    Raises:
        GovpulseError: there is no header, it cannot be read, or it lacks a required column.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = Lines(file, path.name)
        found = records(lines)
        places = _places(next(found, None), table, path)
        yield _batch([], [], places)
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
        yield _batch(rows, reasons, places)


def _places(header: list[str] | str | None, table: Table, path: Path) -> dict[str, int]:
    """Where in a record each column is."""
    if not isinstance(header, list):
        raise GovpulseError(f"cannot read {path}: {header or 'it has no header'}")
    return {name: header.index(name) for name in known_columns(table, header, str(path))}


def _batch(rows: list[list[str]], reasons: list[str], places: dict[str, int]) -> pa.Table:
    columns = {
        name: pa.array([MEANING.get(text, text) for text in map(itemgetter(place), rows)], pa.string())
        for name, place in places.items()
    }
    return with_unreadable(pa.table(columns), reasons)
