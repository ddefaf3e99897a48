"""How the rows of a query are printed: as a table, as CSV and as JSON."""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator

import polars as pl
from rich.table import Table
from rich.text import Text

from flows.printing import cell
from storage.asking.answers import Answer, Kind, told_apart
from storage.printable import guard, printable_cell, printable_json, printable_lines, printable_padded

NO_NUMBERS = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
"""What JSON has no number for, as DuckDB says it within JSON and as it is said here: as text."""
PLAIN = r"^([A-Za-z0-9_][ -\[\]-~]*)?$"
"""Texts that stay as they are in a cell; whole columns are of such."""
INSTANT = re.compile(r"(\d+-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?:([+-]\d\d)(:\d\d)?)?")


def as_table(answer: Answer) -> Table:
    """Rows as a table; numbers to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, kind in zip(answer.names, answer.kinds, strict=True):
        table.add_column(cell(name), justify="right" if kind == "number" else "left", overflow="fold")
    for row in answer.rows.iter_rows():
        table.add_row(*(Text(_in_table(value, kind)) for value, kind in zip(row, answer.kinds, strict=True)))
    return table


def as_text(value: object) -> str:
    """A number, or NULL said as NULL: floats to four significant digits after the point."""
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    return str(value)


def _in_table(value: object, kind: Kind) -> str:
    said = as_text(value)
    match kind:
        case "number" | "bytes":
            return said
        case "json":
            return _flat(printable_json(said))
        case "lines":
            return printable_lines(said)
        case "instant":
            return said.removesuffix("+00")
        case "text":
            return printable_padded(said)


def as_csv(answer: Answer) -> str:
    """Rows as CSV for programs and spreadsheets, in UTF-8: a text that would be a formula has an apostrophe before it."""
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(map(printable_cell, answer.names))
    columns = [_cells(column, kind) for column, kind in zip(answer.rows, answer.kinds, strict=True)]
    return header.getvalue() + pl.DataFrame(columns).write_csv(include_header=False)


def _cells(column: pl.Series, kind: Kind) -> pl.Series:
    written = IN_CELLS.get(kind)
    if written is None or column.str.contains(PLAIN).all():
        return column
    return pl.Series(column.name, [value if value is None else written(value) for value in column], pl.String)


def iso_8601(instant: str) -> str:
    """DuckDB's text of an instant as ISO 8601 has it; one that is infinite, or before our era, stays as it is."""
    found = INSTANT.fullmatch(instant)
    return f"{found[1]}T{found[2]}{found[3] + (found[4] or ':00') if found[3] else ''}" if found else instant


def _flat(document: str) -> str:
    """JSON in one line: its raw line breaks and tabs stand between its parts only."""
    return re.sub(r"[\n\r\t]", " ", document)


IN_CELLS: dict[Kind, Callable[[str], str]] = {
    "json": lambda document: _flat(printable_json(document)),
    "bytes": lambda said: guard(said) + said,
    "instant": lambda instant: printable_cell(iso_8601(instant)),
    "text": printable_cell,
    "lines": printable_cell,
}


def as_json(answer: Answer) -> str:
    """Rows as JSON, a column that is called like another one under a name of its own."""
    names = [json.dumps(name, ensure_ascii=False) for name in told_apart(answer.names)]
    columns = [list(_in_json(column, kind)) for column, kind in zip(answer.rows, answer.kinds, strict=True)]
    rows = (",".join(f"{name}:{value}" for name, value in zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    return f"[{','.join(f'{{{row}}}' for row in rows)}]\n"


def _in_json(column: pl.Series, kind: Kind) -> Iterator[str]:
    for value in column:
        if isinstance(value, str) and kind in ("number", "json"):
            yield _nested(value)
        elif isinstance(value, float) and not math.isfinite(value):
            yield f'"{value}"'
        else:
            yield json.dumps(iso_8601(value) if kind == "instant" and value else value, ensure_ascii=False)


def _nested(document: str) -> str:
    if not any(word in document for word in NO_NUMBERS):
        return document
    return json.dumps(json.loads(document, parse_constant=NO_NUMBERS.__getitem__), ensure_ascii=False)
