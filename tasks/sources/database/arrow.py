"""Arrow tables from a database driver -> tables that a landing file can hold: instants in UTC, text that is text."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from storage.contract import UNREADABLE
from tasks.sources.database.instants import to_utc

UTC_INSTANT = pa.timestamp("us", "UTC")
KNOWN_DAYS = ("0002-01-01", "9998-12-31")
"""The first and last that Python knows in every zone, with room for an overlap."""
FORMAT = "%Y-%m-%dT%H:%M:%S%.f%z"


def in_utc(table: pa.Table, instants: Sequence[str], zone: ZoneInfo) -> pa.Table:
    """`table` with the timestamps and dates without a zone among `instants` taken as local times of `zone`."""
    for name in instants:
        column = table[name]
        if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
            table = table.set_column(table.schema.get_field_index(name), name, _in_utc(column, zone))
    return table


def _in_utc(column: pa.ChunkedArray, zone: ZoneInfo) -> pa.ChunkedArray:
    """Where a value is infinite, or of a year that Python does not know, all become text, for the contract to refuse that one."""
    unit = "D" if pa.types.is_date(column.type) else column.type.unit
    counts = column.cast(pa.int32() if unit == "D" else pa.int64())
    first, last = (_count(day, unit) for day in KNOWN_DAYS)
    is_known = pc.and_(pc.greater_equal(counts, first), pc.less_equal(counts, last))
    if pc.all(is_known).as_py() is not False:
        return _known_in_utc(column, zone)
    known = pl.Series(pl.from_arrow(_known_in_utc(pc.if_else(is_known, column, None), zone)))
    unknown = pl.Series(pl.from_arrow(pc.if_else(is_known, None, counts)))
    said = {count: _say_unknown(count, unit) for count in unknown.drop_nulls().unique()}
    text = known if known.dtype == pl.String else known.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
    whole = pl.select(pl.coalesce(text, unknown.replace_strict(said, default=None, return_dtype=pl.String))).to_series()
    return pa.chunked_array(whole.to_arrow())


def _say_unknown(count: int, unit: str) -> str:
    """The driver counts from 1970 what PostgreSQL counts from 2000, so that PostgreSQL's infinities, its extremes, run over."""
    extreme = np.iinfo(np.int32 if unit == "D" else np.int64).min + _count("2000-01-01", unit)
    return {extreme - 1: "infinity", extreme: "-infinity"}.get(count) or str(np.array(count, f"datetime64[{unit}]"))


def _count(day: str, unit: str) -> int:
    return int(np.array(day, f"datetime64[{unit}]").astype(np.int64))


def _known_in_utc(column: pa.ChunkedArray, zone: ZoneInfo) -> pa.ChunkedArray:
    """A local time that does not exist stays as text that says so, for the contract to refuse."""
    if getattr(column.type, "tz", None):
        return column
    column = column.cast(pa.timestamp("us"))
    if zone.key == "UTC":
        return column.cast(UTC_INSTANT)
    local = pl.Series(pl.from_arrow(column))
    instant = local.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    if instant.null_count() == local.null_count():
        return pa.chunked_array(instant.cast(pl.Datetime("us", "UTC")).to_arrow())
    text = pl.DataFrame({"instant": local.dt.strftime("%Y-%m-%d %H:%M:%S%.6f")})
    return pa.chunked_array(to_utc(text, ["instant"], zone)["instant"].to_arrow())


def only_instants(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Instants that may have come as text; what is none is NULL."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz))
    text = pl.Series(pl.from_arrow(column)).cast(pl.String)
    return pa.chunked_array(text.str.to_datetime(FORMAT, time_unit="us", time_zone="UTC", strict=False).to_arrow())


def newest_change(table: pa.Table) -> datetime | None:
    """The greatest `updated_at`, as far as there is one and it is an instant."""
    if "updated_at" not in table.column_names:
        return None
    microseconds = pc.max(only_instants(table["updated_at"]).cast(pa.int64())).as_py()
    try:
        return None if microseconds is None else datetime.fromtimestamp(microseconds / 1_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def mend_text(batch: pa.RecordBatch) -> pa.Table:
    """The batch with text that is no UTF-8 escaped, and its rows marked as unreadable, so that the others get through."""
    table, reasons = pa.Table.from_batches([batch]), [""] * batch.num_rows
    for name in batch.schema.names:
        cells, bad = _mend(batch[name])
        if bad:
            table = table.set_column(table.schema.get_field_index(name), name, cells)
            for row in bad:
                reasons[row] = f"{reasons[row]}; {name} is not valid UTF-8".removeprefix("; ")
    if not any(reasons):
        return table
    return table.append_column(UNREADABLE, pa.array([reason or None for reason in reasons], pa.string()))


def _mend(column: pa.Array) -> tuple[pa.Array, list[int]]:
    """The column with bytes that are no text escaped, and the rows that had any."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        raw = column.cast(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary(), safe=False).to_pylist()
        texts = [cell if cell is None else cell.decode("utf-8", "backslashreplace") for cell in raw]
        bad = [row for row, cell in enumerate(raw) if cell is not None and cell.decode("utf-8", "replace").encode() != cell]
        return pa.array(texts, pa.string()), bad
    return column, []
