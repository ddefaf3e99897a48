"""JSON objects as texts -> rows of text. Objects and arrays in them stay JSON text; the contract casts the rest.

Each object is read for itself: a type that others have, or a key, must not change what this one says.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from storage.catalogue import Table
from storage.frames import fetch, registered
from storage.quoting import quote_text
from storage.warehouse import connect
from tasks.sources.files.columns import known_columns, places_of
from tasks.sources.files.unreadable import shown, with_unreadable

TELLING_LINES = 100_000
"""In so many each required column has to turn up, and whatever other spelling of a name there is."""
KEYS = "SELECT DISTINCT unnest(json_keys(line)) AS name FROM lines WHERE json_valid(line) AND starts_with(line, '{')"
FAULT = "CASE WHEN NOT json_valid(line) THEN 'is not valid JSON' WHEN NOT starts_with(line, '{') THEN 'is no JSON object' END"


@dataclass(frozen=True)
class Group:
    """Some texts of a file, the number of each, and what is wrong with those that are no text."""

    start: int
    numbers: list[int]
    texts: list[str]
    reasons: list[str]


def read_groups(groups: Iterator[Group], table: Table, path: Path, noun: str) -> Iterator[pa.Table]:
    """The rows, first an empty batch with the columns.

    Args:
        noun: what has a number, such as line.

    Raises:
        GovpulseError: none of the first ones has a required column.
    """
    yield _empty(table)
    keys: set[str] = set()
    with closing(connect()) as con:
        for group in groups:
            frame = pl.DataFrame({"number": group.numbers, "line": group.texts}, schema={"number": pl.Int64, "line": pl.String})
            with registered(con, "lines", frame):
                if group.start <= TELLING_LINES:
                    keys.update(fetch(con, KEYS)["name"])
                else:
                    known_columns(table, sorted(keys), str(path))
                yield _read(con, table, group.reasons, path.name, noun, sorted(keys))
    if keys:
        known_columns(table, sorted(keys), str(path))


def _empty(table: Table) -> pa.Table:
    return pa.schema([(name, pa.string()) for name in table.column_names]).empty_table()


def _read(con: duckdb.DuckDBPyConnection, table: Table, reasons: list[str], name: str, noun: str, keys: list[str]) -> pa.Table:
    """Through Arrow alone: with Polars in between, memory grows with the file."""
    written = {column: keys[found[0]] for column, found in places_of(table, keys).items()}
    paths = [quote_text(_path(written.get(column, column))) for column in table.column_names]
    columns = ", ".join(
        f"{_whole(f'found[{place}]', path) if column.type == 'VARCHAR' else f'found[{place}]'} AS {column.name}"
        for place, (column, path) in enumerate(zip(table.columns, paths, strict=True), 1)
    )
    read = con.sql(
        f"SELECT number, fault, CASE WHEN fault IS NOT NULL THEN line END AS line, {columns} FROM ("
        f"SELECT *, CASE WHEN fault IS NULL THEN json_extract_string(line, [{', '.join(paths)}]) END AS found"
        f" FROM (SELECT *, {FAULT} AS fault FROM lines))"
    ).to_arrow_table()
    is_bad = pc.is_valid(read["fault"])
    bad = read.select(["number", "fault", "line"]).filter(is_bad).to_pylist()
    said = [f"{noun} {row['number']} of {shown(name)} {row['fault']}: {shown(row['line'])}" for row in bad]
    rows = read.select(table.column_names).filter(pc.invert(is_bad))  # a copy, which lets go of DuckDB's larger buffers
    return with_unreadable(rows.cast(_empty(table).schema), reasons + said)


def _whole(found: str, path: str) -> str:
    """SQL: a number that is whole as whole numbers are written; a text stays what it is."""
    is_number = f"json_type(line, {path}) = 'DOUBLE' AND abs(TRY_CAST({found} AS DOUBLE)) < {2**53}"
    return f"CASE WHEN ends_with({found}, '.0') THEN CASE WHEN {is_number} THEN left({found}, -2) ELSE {found} END ELSE {found} END"


def _path(key: str) -> str:
    return f"$.{key}" if key.isidentifier() else f'$."{key}"'
