"""An NDJSON file -> rows of text, in batches. Objects and arrays stay JSON text; the contract casts the rest.

Each line is read for itself: a type that other lines have, or a key, must not change what this one says.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from storage.catalogue import Table
from storage.contract import check_columns
from storage.errors import GovpulseError
from storage.frames import fetch, registered
from storage.warehouse import connect, quote_text
from tasks.sources.files.unreadable import shown, with_unreadable

BLOCK_BYTES = 1 << 22
LINE_BYTES = 1 << 26
TELLING_LINES = 100_000
"""In so many lines each required column has to turn up."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
KEYS = "SELECT DISTINCT unnest(json_keys(line)) AS name FROM lines WHERE json_valid(line) AND starts_with(line, '{')"
FAULT = "CASE WHEN NOT json_valid(line) THEN 'is not valid JSON' WHEN NOT starts_with(line, '{') THEN 'is no JSON object' END"


def read_ndjson(path: Path, table: Table) -> Iterator[pa.Table]:
    """The rows of `path`, first an empty batch with the columns.

    Raises:
        GovpulseError: none of the first lines has a required column, or a line is too long for any row.
    """
    yield _empty(table)
    keys: set[str] = set()
    with path.open("rb") as file, closing(connect()) as con:
        for start, lines in _numbered(file, path):
            texts, reasons = _decode(lines, start, path.name)
            with registered(con, "lines", texts):
                if start <= TELLING_LINES:
                    keys.update(fetch(con, KEYS)["name"])
                else:
                    check_columns(table, list(keys), str(path))
                yield _read_lines(con, table, reasons, path.name)
    if keys:
        check_columns(table, list(keys), str(path))


def _empty(table: Table) -> pa.Table:
    return pa.schema([(name, pa.string()) for name in table.column_names]).empty_table()


def _numbered(file: BinaryIO, path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Whole lines in groups, each with the number of its first line."""
    number, rest = 1, b""
    while block := file.read(BLOCK_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > LINE_BYTES:
            raise GovpulseError(f"cannot read {path}: line {number + len(lines)} is over {LINE_BYTES:,} bytes; one row a line")
        yield number, lines
        number += len(lines)
    yield number, [rest]


def _decode(lines: list[bytes], start: int, name: str) -> tuple[pl.DataFrame, list[str]]:
    """The lines that are text, blank ones left out, and why the others are not."""
    numbers, texts, reasons = [], [], []
    for number, line in enumerate(lines, start):
        try:
            text = (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).decode().strip()
        except UnicodeDecodeError:
            reasons.append(f"line {number} of {shown(name)} is not UTF-8: {shown(line.rstrip())}")
            continue
        if text:
            numbers.append(number)
            texts.append(text)
    return pl.DataFrame({"number": numbers, "line": texts}, schema={"number": pl.Int64, "line": pl.String}), reasons


def _read_lines(con: duckdb.DuckDBPyConnection, table: Table, reasons: list[str], name: str) -> pa.Table:
    """Through Arrow alone: with Polars in between, memory grows with the file."""
    paths = ", ".join(quote_text(f"$.{column}") for column in table.column_names)
    columns = ", ".join(f"found[{place}] AS {column}" for place, column in enumerate(table.column_names, 1))
    read = con.sql(
        f"SELECT number, fault, CASE WHEN fault IS NOT NULL THEN line END AS line, {columns} FROM ("
        f"SELECT *, CASE WHEN fault IS NULL THEN json_extract_string(line, [{paths}]) END AS found"
        f" FROM (SELECT *, {FAULT} AS fault FROM lines))"
    ).to_arrow_table()
    is_bad = pc.is_valid(read["fault"])
    bad = read.select(["number", "fault", "line"]).filter(is_bad).to_pylist()
    said = [f"line {row['number']} of {shown(name)} {row['fault']}: {shown(row['line'])}" for row in bad]
    rows = read.select(table.column_names).filter(pc.invert(is_bad))  # a copy, which lets go of DuckDB's larger buffers
    return with_unreadable(rows.cast(_empty(table).schema), reasons + said)
