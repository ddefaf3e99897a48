"""Instants of a source, typed or in a text, in the zone that is declared for their column -> instants in UTC.

A local time that occurs twice, because the clock went back, is taken as its first occurrence. One that never occurs becomes a text
that says so, which the contract refuses. What is said with an offset needs no zone, and what stands for nothing is left as it is.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from storage.instants import INSTANT, LAST_DAY, ZERO_DAYS

UTC_ZONE = ZoneInfo("UTC")
UTC_INSTANT = pa.timestamp("us", "UTC")
KNOWN_DAYS = ("0002-01-01", "9998-12-31")
"""The first and last that Python knows in every zone, with room for an overlap."""
FIRST_YEAR_WITHOUT_RULES = 2100
"""From it on Polars leaves a clock where it was in its last winter."""
TEXT = "%Y-%m-%dT%H:%M:%S%.6f+00:00"
Zones = Mapping[str, ZoneInfo]
"""By column the zone of its instants without an offset."""


def in_utc(table: pa.Table, zones: Zones, zero_days: Collection[date] = ZERO_DAYS) -> pa.Table:
    """`table` with the columns of `zones` in UTC: typed where every value is an instant that Python knows, else as text that the
    contract reads. What it does not read stays as it is, for it to say why."""
    for name, zone in zones.items():
        column = table[name]
        if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
            converted = _typed_in_utc(column, zone, zero_days)
        elif is_text(column.type):
            text = pl.DataFrame({name: pl.Series(pl.from_arrow(column)).cast(pl.String)})
            converted = pa.chunked_array(text_in_utc(text, zone, zero_days)[name].to_arrow())
        else:
            continue
        table = table.set_column(table.schema.get_field_index(name), name, converted)
    return table


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def text_in_utc(frame: pl.DataFrame, zone: ZoneInfo, zero_days: Collection[date] = ZERO_DAYS) -> pl.DataFrame:
    """Every column of texts, of which each that says an instant says it in UTC."""
    return frame.with_columns(_text_in_utc(pl.col(name), zone, zero_days).alias(name) for name in frame.columns)


def _text_in_utc(text: pl.Expr, zone: ZoneInfo, zero_days: Collection[date]) -> pl.Expr:
    parts = text.str.extract_groups(INSTANT)
    day, minutes, seconds, offset = (parts.struct[place] for place in range(4))
    wall = day + " " + minutes.fill_null("00:00") + seconds.fill_null(":00")
    written = wall + offset.replace("Z", "+00:00") + pl.when(offset.str.len_chars() == 3).then(pl.lit(":00")).otherwise(pl.lit(""))
    with_offset = written.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", time_unit="us", time_zone="UTC", strict=False)
    local = wall.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    instant = pl.when(offset.is_null()).then(_from_local(local, zone, zero_days)).otherwise(with_offset)
    never = pl.when(offset.is_null() & local.is_not_null()).then(text + pl.lit(f" does not exist in {zone.key}"))
    return pl.coalesce(instant.dt.strftime(TEXT), never, text)


def _from_local(local: pl.Expr, zone: ZoneInfo, zero_days: Collection[date]) -> pl.Expr:
    """Zones have no say in what stands for nothing."""
    in_zone = local.map_batches(partial(_in_zone, zone=zone), return_dtype=pl.Datetime("us", "UTC"))
    is_midnight = local.dt.truncate("1d") == local
    is_zero = local.dt.date().is_in(sorted(zero_days)) & (is_midnight | (local.dt.date() == LAST_DAY))
    return pl.when(is_zero).then(local.dt.replace_time_zone("UTC")).otherwise(in_zone)


def _in_zone(local: pl.Series, zone: ZoneInfo) -> pl.Series:
    instants = local.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    is_late = local.dt.year() >= FIRST_YEAR_WITHOUT_RULES
    if not is_late.any():
        return instants
    known = {wall: _by_rule(wall, zone) for wall in local.filter(is_late.fill_null(value=False)).unique()}
    late = local.replace_strict(known, default=None, return_dtype=instants.dtype)
    return late.zip_with(is_late.fill_null(value=False), instants)


def _by_rule(wall: datetime, zone: ZoneInfo) -> datetime | None:
    try:
        instant = wall.replace(tzinfo=zone).astimezone(UTC)
        return instant if instant.astimezone(zone).replace(tzinfo=None) == wall else None
    except OverflowError:
        return None


def _typed_in_utc(column: pa.ChunkedArray, zone: ZoneInfo, zero_days: Collection[date]) -> pa.ChunkedArray:
    """Where a value is infinite, or of a year that Python does not know, all become text, for the contract to judge that one."""
    unit = "D" if pa.types.is_date32(column.type) else "ms" if pa.types.is_date64(column.type) else column.type.unit
    counts = column.cast(pa.int32() if unit == "D" else pa.int64())
    first, last = (_count(day, unit) for day in KNOWN_DAYS)
    is_known = pc.and_(pc.greater_equal(counts, first), pc.less_equal(counts, last))
    if pc.all(is_known).as_py() is not False:
        return _known_in_utc(column, zone, zero_days)
    known = pl.Series(pl.from_arrow(_known_in_utc(pc.if_else(is_known, column, None), zone, zero_days)))
    unknown = pl.Series(pl.from_arrow(pc.if_else(is_known, None, counts)))
    said = {count: _say_unknown(count, unit) for count in unknown.drop_nulls().unique()}
    text = known if known.dtype == pl.String else known.dt.strftime(TEXT)
    whole = pl.select(pl.coalesce(text, unknown.replace_strict(said, default=None, return_dtype=pl.String))).to_series()
    return pa.chunked_array(whole.to_arrow())


def _say_unknown(count: int, unit: str) -> str:
    """The driver counts from 1970 what PostgreSQL counts from 2000, so that PostgreSQL's infinities, its extremes, run over."""
    extreme = np.iinfo(np.int32 if unit == "D" else np.int64).min + _count("2000-01-01", unit)
    return {extreme - 1: "infinity", extreme: "-infinity"}.get(count) or str(np.array(count, f"datetime64[{unit}]"))


def _count(day: str, unit: str) -> int:
    return int(np.array(day, f"datetime64[{unit}]").astype(np.int64))


def _known_in_utc(column: pa.ChunkedArray, zone: ZoneInfo, zero_days: Collection[date]) -> pa.ChunkedArray:
    """A local time that does not exist becomes a text that says so, and all others text with it."""
    if getattr(column.type, "tz", None):
        return column.cast(UTC_INSTANT, safe=False)
    column = column.cast(pa.timestamp("us"), safe=False)
    if zone.key == "UTC":
        return column.cast(UTC_INSTANT)
    local = pl.Series("local", pl.from_arrow(column))
    instant = pl.DataFrame([local]).select(_from_local(pl.col("local"), zone, zero_days)).to_series()
    if instant.null_count() == local.null_count():
        return pa.chunked_array(instant.cast(pl.Datetime("us", "UTC")).to_arrow())
    text = pl.DataFrame({"instant": local.dt.strftime("%Y-%m-%d %H:%M:%S%.6f")})
    return pa.chunked_array(text_in_utc(text, zone, zero_days)["instant"].to_arrow())


def only_instants(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Instants that may have come as text; what is none is NULL."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz))
    text = pl.Series(pl.from_arrow(column)).cast(pl.String)
    return pa.chunked_array(
        text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False).to_arrow()
    )


def newest_change(table: pa.Table) -> datetime | None:
    """The greatest `updated_at`, as far as there is one and it is an instant."""
    if "updated_at" not in table.column_names:
        return None
    microseconds = pc.max(only_instants(table["updated_at"]).cast(pa.int64())).as_py()
    try:
        return None if microseconds is None else datetime.fromtimestamp(microseconds / 1_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def local_floor(instant: datetime, zone: ZoneInfo) -> str:
    """`instant` as the naive text of `zone` to compare source timestamps with, never later than any that belongs after it.

    In a zone whose clock goes back, an hour occurs twice, so an hour is taken off. Cut to the minute, because as text `10:00` and
    `10:00:00` come before `10:00:00.000000`.
    """
    slack = timedelta() if zone.key == "UTC" else timedelta(hours=1)
    return (instant.astimezone(UTC) - slack).astimezone(zone).strftime("%Y-%m-%d %H:%M")


def as_instant(text: str) -> datetime | None:
    """What `in_utc` wrote, as an instant; None where it could not."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None
