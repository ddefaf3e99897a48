"""When the same would have been before: the day before, the week before, the same day of the month."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tasks.insights.detection.reading import EPOCH
from tasks.insights.detection.windows import DAY

HOURS, DAYS, WEEKS, MONTHS = 6, 7, 4, 6
"""How many earlier occurrences are looked at. Raw samples are kept for 30 days, hours for longer."""
DRIFTS, DRIFTING_DAYS = (-15, 15), 3
"""Minutes a day: what comes each time some minutes later, or earlier, than the day before. Of more days it excuses what lasts."""
NARROW, TOLERANCES = (10,), (10, 30)
"""Minutes that an occurrence may be off. The narrower is tried because less fits into it by chance."""
OF_AN_HOUR = (5,)
CLOCKS = ("Europe/Berlin", "America/New_York", "Australia/Sydney")
"""A job by local time moves by an hour when the clock changes. Nobody tells where a host is: these have the dates."""


@dataclass(frozen=True)
class Rhythm:
    """What comes again each `every`; `ago` is how many minutes before each of the earlier occurrences was, the latest first."""

    every: str
    ago: tuple[int, ...]
    tolerances: tuple[int, ...] = TOLERANCES


def rhythms(minute: int) -> tuple[Rhythm, ...]:
    """Of a minute since the epoch: by UTC, and by local time where a clock changed in between."""
    at = EPOCH + timedelta(minutes=minute)
    found = [Rhythm("hour", tuple(60 * n for n in range(1, HOURS + 1)), OF_AN_HOUR)]
    found.append(Rhythm("day", tuple(n * DAY for n in range(1, DAYS + 1))))
    found += [Rhythm("day", tuple(n * (DAY + drift) for n in range(1, DRIFTING_DAYS + 1)), NARROW) for drift in DRIFTS]
    found.append(Rhythm("week", tuple(n * 7 * DAY for n in range(1, WEEKS + 1))))
    found += [Rhythm("month", tuple((at.date() - day).days * DAY for day in days)) for days in _months(at.date())]
    for clock in CLOCKS:
        moved = [Rhythm(each.every, tuple(_by_clock(at, ago, clock) for ago in each.ago)) for each in found if _is_even(each)]
        found += [each for each in moved if each not in found]
    return tuple(each for each in found if len(each.ago) > 2)


def _is_even(rhythm: Rhythm) -> bool:
    return all(ago % DAY == 0 for ago in rhythm.ago)


def _by_clock(at: datetime, ago: int, clock: str) -> int:
    """Minutes before, at the same local time so many whole days earlier."""
    local = at.astimezone(ZoneInfo(clock))
    return (at - (local - timedelta(minutes=ago)).astimezone(UTC)) // timedelta(minutes=1)


def _months(day: date) -> Iterator[list[date]]:
    """The same day of the earlier months, counted from their start, from their end, and by weekday from both."""
    firsts = [day.replace(day=1)]
    while len(firsts) <= MONTHS:
        firsts.append((firsts[-1] - timedelta(days=1)).replace(day=1))
    ends = [(first + timedelta(days=31)).replace(day=1) - timedelta(days=1) for first in firsts]
    lengths = [end.day for end in ends[1:]]
    yield [first.replace(day=day.day) for first, length in zip(firsts[1:], lengths, strict=True) if day.day <= length]
    if ends[0].day - day.day < 7:
        yield [end - (ends[0] - day) for end in ends[1:]]
    yield from _weekdays(day, firsts, ends)


def _weekdays(day: date, firsts: list[date], ends: list[date]) -> Iterator[list[date]]:
    """The nth such weekday of each earlier month; the last one where it is the last."""
    nth = (day.day - 1) // 7
    days = [first + timedelta(days=(day.weekday() - first.weekday()) % 7 + 7 * nth) for first in firsts[1:]]
    yield [each for each, end in zip(days, ends[1:], strict=True) if each <= end]
    if ends[0].day - day.day < 7:
        yield [end - timedelta(days=(end.weekday() - day.weekday()) % 7) for end in ends[1:]]
