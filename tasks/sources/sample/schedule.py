"""When the scheduled scans of a data source are due. A function of the data source and the calendar alone."""

from datetime import UTC, datetime

from tasks.sources.sample.organisation import DataSource
from tasks.sources.sample.world import DAY, HOUR, MINUTE, World

INCREMENTAL, FULL = 1, 2
_FULL_WEEKDAY = 6


def slots_of_day(world: World, source: DataSource, day: int) -> list[tuple[int, int]]:
    """(instant, rule set) of each scan due on `day`: incremental by frequency, and a full one on Sundays for the frequent ones."""
    midnight, minute = world.midnight(day), _minute(source)
    weekday, day_of_month = world.weekday(day), datetime.fromtimestamp(midnight / 1000, UTC).day
    if source.scan_frequency == "hourly":
        slots = [(midnight + hour * HOUR + minute, INCREMENTAL) for hour in range(24)]
    elif source.scan_frequency == "daily":
        slots = [(midnight + _hour(source) * HOUR + minute, INCREMENTAL)]
    elif source.scan_frequency == "weekly":
        return [(midnight + _hour(source) * HOUR + minute, FULL)] if weekday == source.id % 5 else []
    else:
        return [(midnight + _hour(source) * HOUR + minute, FULL)] if day_of_month == 1 else []
    if weekday == _FULL_WEEKDAY:
        slots.append((midnight + 22 * HOUR + 30 * MINUTE, FULL))
    return slots


def slot_before(source: DataSource, instant: int) -> int:
    """The last incremental slot of an hourly or daily source at or before `instant`."""
    period, offset = (HOUR, _minute(source)) if source.scan_frequency == "hourly" else (DAY, _hour(source) * HOUR + _minute(source))
    return (instant - offset) // period * period + offset


def scheduled_scan_id(source: DataSource, slot: int) -> str:
    return f"scan-{source.id:02d}-{datetime.fromtimestamp(slot / 1000, UTC):%Y%m%d%H%M}"


def _minute(source: DataSource) -> int:
    return source.id * 7 % 60 * MINUTE


def _hour(source: DataSource) -> int:
    return 1 + source.id % 5
