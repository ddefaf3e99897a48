"""Hours that come again every week, as a clock on the wall shows them: of silences that recur, and of routes. Pure.

They are written like `Sat,Sun 02:00-04:00`, several after `;`. A range that does not end after its start ends on the next day; its
days are those on which it starts. Of a time that comes twice, for the clock is set back, a range starts at the first and ends at
the last. If the clock is set forward over its start, it starts at the change; over its end, it ends as if the clock had not
changed, as RFC 5545 reads such a time. So none vanishes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storage.errors import ConfigurationError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EXAMPLE = "write it like 'Sat,Sun 02:00-04:00', several after ;"
RANGE = re.compile(r"(?:(?P<days>[A-Za-z][A-Za-z, -]*?)\s+)?(?P<start>\d\d:\d\d)\s*-\s*(?P<end>\d\d:\d\d)")
MINUTES_OF_DAY = 24 * 60
LONGEST = 200
"""In characters."""
SECOND = timedelta(seconds=1)
ONE_DAY = timedelta(days=1)
HORIZON = 400
"""Days in which hours are looked for; holidays may take all of a year."""
Span = tuple[datetime, datetime]
"""Start and end, in UTC; the end is outside."""


@dataclass(frozen=True)
class Range:
    """Days of the week from Monday on, 0 to 6, and minutes after midnight; an end beyond a day is on the next one."""

    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True)
class Hours:
    """Hours of a week in a zone; none begin on a day off."""

    ranges: tuple[Range, ...]
    zone: ZoneInfo
    days_off: frozenset[date] = frozenset()


@lru_cache(maxsize=1024)
def parse_hours(text: str, zone: str, days_off: frozenset[date] = frozenset()) -> Hours:
    """The hours that `text` says, on the clocks of `zone`.

    Raises:
        ConfigurationError: one of the two is none; says why.
    """
    shown = repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")
    if len(text) > LONGEST:
        raise ConfigurationError(f"{shown} is too long; at most {LONGEST} characters")
    return Hours(tuple(_range(shown, part.strip()) for part in text.split(";")), zone_named(zone), days_off)


def zone_named(name: str) -> ZoneInfo:
    """The time zone.

    Raises:
        ConfigurationError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(f"no time zone {name[:60]!r}; write it like Europe/Berlin or UTC") from error


def parse_days(text: str) -> frozenset[int]:
    """`Mon-Fri`, `Sat,Sun`, `Fri-Mon`; nothing is every day.

    Raises:
        ConfigurationError: it names no days.
    """
    found: set[int] = set()
    for part in text.split(",") if text.strip() else ("Mon-Sun",):
        first, is_span, last = part.partition("-")
        start = _day(first)
        end = _day(last) if is_span else start
        found.update((start + each) % 7 for each in range((end - start) % 7 + 1))
    return frozenset(found)


def _day(text: str) -> int:
    name = text.strip().capitalize()
    if name not in DAYS:
        raise ConfigurationError(f"{text.strip()[:20]!r} is no day of the week; use {', '.join(DAYS)}")
    return DAYS.index(name)


def _range(shown: str, text: str) -> Range:
    found = RANGE.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"{shown} are no weekly hours; {EXAMPLE}")
    start, end = _minute(shown, found["start"]), _minute(shown, found["end"])
    if start in (end, MINUTES_OF_DAY):
        raise ConfigurationError(f"{shown} has a range without length; a whole day is 00:00-24:00")
    return Range(parse_days(found["days"] or ""), start, end if end > start else end + MINUTES_OF_DAY)


def _minute(shown: str, text: str) -> int:
    minute = int(text[:2]) * 60 + int(text[3:])
    if minute > MINUTES_OF_DAY or text[3] > "5":
        raise ConfigurationError(f"{shown}: {text} is no time of the day")
    return minute


def is_always(hours: Hours) -> bool:
    """Whether they leave no minute of the week out."""
    covered = {
        (day * MINUTES_OF_DAY + minute) % (7 * MINUTES_OF_DAY)
        for each in hours.ranges
        for day in each.days
        for minute in range(each.start, each.end)
    }
    return len(covered) == 7 * MINUTES_OF_DAY and not hours.days_off


@lru_cache(maxsize=4096)
def held_until(hours: Hours, now: datetime) -> datetime | None:
    """When the hours that hold at `now` end, with those that follow without a gap, a week ahead at most; None if none hold."""
    end = now
    for first, last in _spans(hours, now, days=7):
        if first > end:
            break
        end = max(end, last)
    return end if end > now else None


@lru_cache(maxsize=4096)
def next_start(hours: Hours, after: datetime) -> datetime | None:
    """When they begin at `after` or later, or `after` itself if they hold; None if none does within 400 days."""
    if held_until(hours, after):
        return after
    return next((first for first, _ in _spans(hours, after, HORIZON) if first >= after), None)


def _spans(hours: Hours, around: datetime, days: int) -> Iterator[Span]:
    """Those that start from two days before `around` on, up to so many days after it; by the day."""
    today = around.astimezone(hours.zone).date()
    for ahead in range(-2, days + 1):
        day = today + ahead * ONE_DAY
        if day not in hours.days_off:
            yield from sorted(_span(day, each, hours.zone) for each in hours.ranges if day.weekday() in each.days)


def _span(day: date, each: Range, zone: ZoneInfo) -> Span:
    starts, ends = (_readings(day, minute, zone) for minute in (each.start, each.end))
    is_there = starts[0].astimezone(zone).replace(tzinfo=None) == _wall(day, each.start)
    return starts[0] if is_there else _change_between(*starts, zone), ends[1]


def _wall(day: date, minute: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minute)


def _readings(day: date, minute: int, zone: ZoneInfo) -> Span:
    """The first and the last instant that a time on the clock may be; they differ only at a change of the clock."""
    local = _wall(day, minute).replace(tzinfo=zone)
    first, last = sorted(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, last


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """When the clock changes, to the second."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + timedelta(seconds=(after - before) // SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def parse_holidays(text: str) -> frozenset[date]:
    """The days of a file: an ISO date a line; what follows # is a comment.

    Raises:
        ConfigurationError: a line is no date; says which.
    """
    lines = ((number, line.partition("#")[0].strip()) for number, line in enumerate(text.splitlines(), 1))
    return frozenset(_date(number, said) for number, said in lines if said)


def _date(number: int, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"line {number}: {text[:30]!r} is no date; write it like 2026-12-25") from error
