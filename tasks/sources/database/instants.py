"""Source timestamps without a zone -> UTC text that the contract can read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

NAIVE = r"^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?$"
MIDNIGHT = "0000-00-00 00:00:00"


def to_utc(frame: pl.DataFrame, columns: Sequence[str], zone: ZoneInfo) -> pl.DataFrame:
    """Rewrite naive timestamps and dates of the text `columns` as UTC with an offset.

    Anything else stays as it is for the contract to judge. A local time that occurs twice (the clock went back) is taken as its
    first occurrence. One that never occurs is said to be so, which the contract refuses: as it is, it would pass for UTC.
    """
    return frame.with_columns(_to_utc(pl.col(column), zone).alias(column) for column in columns)


def _to_utc(text: pl.Expr, zone: ZoneInfo) -> pl.Expr:
    whole = text + pl.lit(MIDNIGHT).str.slice(text.str.len_chars())
    naive = pl.when(text.str.contains(NAIVE)).then(whole.str.replace("T", " "))
    local = naive.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    instant = local.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    never = pl.when(local.is_not_null()).then(text + pl.lit(f" does not exist in {zone.key}"))
    return pl.coalesce(instant.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00"), never, text)


def local_floor(instant: datetime, zone: ZoneInfo) -> str:
    """`instant` as the naive text of `zone` to compare source timestamps with, never later than any that belongs after it.

    In a zone whose clock goes back, an hour occurs twice, so an hour is taken off. Cut to the minute, because as text `10:00` and
    `10:00:00` come before `10:00:00.000000`.
    """
    slack = timedelta() if zone.key == "UTC" else timedelta(hours=1)
    return (instant.astimezone(UTC) - slack).astimezone(zone).strftime("%Y-%m-%d %H:%M")


def as_instant(text: str) -> datetime | None:
    """What `to_utc` wrote, as an instant; None where it could not."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None
