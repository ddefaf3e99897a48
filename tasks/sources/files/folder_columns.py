"""Columns that folders say for all rows of a file, as Hive and Spark write them: `environment=production/part-0.parquet`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from storage.catalogue import Table
from storage.intake.contract import UNREADABLE
from tasks.sources.files.columns import plain

NOTHING = "__HIVE_DEFAULT_PARTITION__"
Said = Mapping[str, str | None]


def said_by_folders(path: PurePath, table: Table) -> dict[str, str | None]:
    """The columns of `table` that folders of `path` say, the inner ones before the outer ones."""
    pairs = [part.split("=", 1) for part in path.parts[:-1] if "=" in part]
    found = {plain(name): None if value == NOTHING else _decode(value) for name, value in pairs}
    return {name: value for name, value in found.items() if name in table.column_names}


def without_need(table: Table, said: Said) -> Table:
    """`table`, of which a file need not have the columns that its folders say."""
    return replace(
        table,
        columns=tuple(replace(column, is_required=column.is_required and column.name not in said) for column in table.columns),
    )


def with_said(rows: pa.Table, said: Said, *, is_json: bool) -> pa.Table:
    """`rows` with the columns that the file does not have, or the JSON object. What could not be read stays its reason."""
    is_row = pc.is_null(rows[UNREADABLE]) if UNREADABLE in rows.column_names else pa.repeat(pa.scalar(value=True), rows.num_rows)
    for name, value in said.items():
        column = pc.if_else(is_row, pa.scalar(value, pa.string()), pa.scalar(None, pa.string()))
        if name not in rows.column_names:
            rows = rows.append_column(name, column)
        elif is_json:
            rows = rows.set_column(rows.column_names.index(name), name, pc.coalesce(rows[name], column))
    return rows


def _decode(value: str) -> str:
    """A name of a folder may be any bytes."""
    return unquote(value).encode(errors="surrogateescape").decode(errors="backslashreplace")
