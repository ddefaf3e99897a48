"""Source timestamps without a zone -> UTC text that the contract can read."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

NAIVE = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?$"


def to_utc(frame: pl.DataFrame, columns: list[str], zone: ZoneInfo) -> pl.DataFrame:
    """Rewrite naive timestamps of the text `columns` as UTC with an offset; anything else stays as it is for the contract to judge.

    A local time that occurs twice (the clock went back) is taken as its first occurrence; one that never occurs stays as it is.
    """
    return frame.with_columns(_to_utc(pl.col(column), zone).alias(column) for column in columns)


def _to_utc(text: pl.Expr, zone: ZoneInfo) -> pl.Expr:
    naive = text.str.contains(NAIVE)
    parsed = pl.when(naive).then(text.str.replace("T", " ")).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    instant = parsed.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    return pl.coalesce(instant.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00"), text)


def local_floor(instant: datetime, zone: ZoneInfo) -> str:
    """`instant` as the naive text of `zone` to compare source timestamps with, never later than any that belongs after it.

    In a zone whose clock goes back, an hour occurs twice, so an hour is taken off.
    """
    slack = timedelta() if zone.key == "UTC" else timedelta(hours=1)
    return (instant.astimezone(UTC) - slack).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S.%f")
