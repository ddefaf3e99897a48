"""The types of Parquet that a landing file cannot have, or that DuckDB cannot read from one, as text; objects as JSON.

Numbers, booleans, dates and instants stay as they are, instants in UTC, so that the landing files of a dataset look alike. DuckDB
1.5 misreads decimals of over 38 digits, and refuses a whole file for one text that is not UTF-8.
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from storage.errors import first_line
from storage.intake.contract import UNREADABLE
from tasks.sources.files.unreadable import shown

KEPT = (
    types.is_boolean,
    types.is_integer,
    types.is_float32,
    types.is_float64,
    types.is_date32,
    types.is_decimal128,
)
TEXT = (types.is_string, types.is_large_string, types.is_string_view)
PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
Converted = tuple[pa.ChunkedArray | pa.Array, dict[int, str]]
"""A column, and by row what is wrong with values that could not be read and are NULL."""


def landable(rows: pa.Table, first: int, name: str) -> pa.Table:
    """`rows` as they can be landed; with `unreadable` for those of which a value could not be read.

    Args:
        first: the number of the first of them in the file `name`.
    """
    columns: dict[str, pa.ChunkedArray | pa.Array] = {}
    reasons: dict[int, str] = {}
    for column in rows.column_names:
        columns[column], faults = _convert(rows[column])
        for place, fault in faults.items():
            reasons.setdefault(place, f"row {first + place} of {shown(name)} has a {column} that {fault}")
    if reasons:
        columns[UNREADABLE] = pa.array([reasons.get(place) for place in range(rows.num_rows)], pa.string())
    return pa.table(columns)


def _convert(column: pa.ChunkedArray) -> Converted:
    kind, is_uuid = column.type, isinstance(column.type, pa.UuidType)
    if any(is_kept(kind) for is_kept in KEPT):
        return column, {}
    if types.is_timestamp(kind):
        return column.cast(pa.timestamp(kind.unit, kind.tz and "UTC")), {}
    if isinstance(kind, pa.BaseExtensionType) and not is_uuid:
        return _convert(pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type))
    if types.is_dictionary(kind):
        return _convert(column.cast(kind.value_type))
    if types.is_duration(kind) or types.is_decimal(kind):
        return _convert_number(column), {}
    if types.is_nested(kind) or is_uuid:
        return _say_each(column, is_text=False)
    is_text = any(is_kind(kind) for is_kind in TEXT)
    found = column.cast(pa.binary()) if is_text else column  # from bytes, because Arrow does not look at what is text already
    try:
        return found.cast(pa.string()), {}
    except pa.ArrowException:
        return _say_each(found, is_text=is_text)


def _convert_number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A duration in seconds, a decimal as text: without its zeros where it is whole."""
    if types.is_duration(column.type):
        return pc.divide(column.cast(pa.int64()).cast(pa.float64()), PER_SECOND[column.type.unit])
    return pc.replace_substring_regex(column.cast(pa.string()), r"\.0+$", "")


def _say_each(column: pa.ChunkedArray, *, is_text: bool) -> Converted:
    texts: list[str | None] = []
    faults: dict[int, str] = {}
    for place, value in enumerate(column):
        text = None
        try:
            text = _say(value.as_py(maps_as_pydicts="strict"), is_text)
        except UnicodeDecodeError as error:
            faults[place] = f"is not UTF-8: {shown(error.object)}"
        except (ValueError, OverflowError, KeyError, TypeError) as error:
            faults[place] = f"cannot be read: {first_line(error)}"
        texts.append(text)
    return pa.array(texts, pa.string()), faults


def _say(value: Any, is_text: bool) -> str | None:
    """Bytes that are not said to be text, such as a hash, may be any."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.decode(errors="strict" if is_text else "backslashreplace")
    if isinstance(value, dict | list):
        return json.dumps(value, default=lambda part: _say(part, is_text), ensure_ascii=False)
    return str(value)
