"""Arrow tables from a database driver -> tables that a landing file can hold: instants in UTC, text that is text."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from storage.contract import UNREADABLE
from tasks.sources.instants import to_utc

UTC_INSTANT = pa.timestamp("us", "UTC")
FORMAT = "%Y-%m-%dT%H:%M:%S%.f%z"


def in_utc(table: pa.Table, instants: Sequence[str], zone: ZoneInfo) -> pa.Table:
    """`table` with the timestamps without a zone among `instants` taken as local times of `zone`."""
    for name in instants:
        column = table[name]
        if pa.types.is_date(column.type):
            column = column.cast(pa.timestamp("us"))
        if pa.types.is_timestamp(column.type) and column.type.tz is None:
            table = table.set_column(table.schema.get_field_index(name), name, _in_utc(column, zone))
    return table


def _in_utc(column: pa.ChunkedArray, zone: ZoneInfo) -> pa.ChunkedArray:
    """A local time that does not exist stays as text that says so, for the contract to refuse."""
    if zone.key == "UTC":
        return column.cast(pa.timestamp("us")).cast(UTC_INSTANT)
    local = pl.Series(pl.from_arrow(column))
    instant = local.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    if instant.null_count() == local.null_count():
        return pa.chunked_array(instant.cast(pl.Datetime("us", "UTC")).to_arrow())
    text = pl.DataFrame({"instant": local.dt.strftime("%Y-%m-%d %H:%M:%S%.6f")})
    return pa.chunked_array(to_utc(text, ["instant"], zone)["instant"].to_arrow())


def newest_change(table: pa.Table) -> datetime | None:
    """The greatest `updated_at`, as far as it is an instant."""
    column = table["updated_at"]
    if not pa.types.is_timestamp(column.type):
        newest = pl.Series(pl.from_arrow(column)).cast(pl.String).str.to_datetime(FORMAT, time_zone="UTC", strict=False).max()
        return newest if isinstance(newest, datetime) else None
    microseconds = pc.max(column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())).as_py()
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
