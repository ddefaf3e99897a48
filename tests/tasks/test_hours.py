"""Weekly hours against what a clock on the wall shows, over twelve months in three zones, and at changes of the clock by hand."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import ConfigurationError
from tasks.hours import DAYS, Hours, held_until, is_always, next_start, parse_days, parse_holidays, parse_hours

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
"""The last one changes by half an hour, in its winter."""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shows(zone: str, instant: datetime) -> str:
    return f"{instant.astimezone(ZoneInfo(zone)):%a %H:%M}"


def offset(zone: str, instant: datetime) -> timedelta | None:
    return instant.astimezone(ZoneInfo(zone)).utcoffset()


WALL = {
    "Sat,Sun 02:00-04:00": lambda day, clock: day in ("Sat", "Sun") and "02:00" <= clock < "04:00",
    "Mon-Fri 09:00-17:00": lambda day, clock: day not in ("Sat", "Sun") and "09:00" <= clock < "17:00",
    "22:00-06:00": lambda _, clock: clock >= "22:00" or clock < "06:00",
    "Sun 00:00-24:00": lambda day, _: day == "Sun",
    "Fri 18:00-24:00; Sat 00:00-24:00": lambda day, clock: day == "Sat" or (day == "Fri" and clock >= "18:00"),
}
"""Hours, and when a clock shows them."""


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_over_twelve_months_hours_are_what_the_clock_shows(zone: str) -> None:
    """Every 61 minutes, so that each minute of the hour is tried, and half hours around the clock's changes."""
    changes = [at for at in (FIRST + each * HOUR for each in range(366 * 24)) if offset(zone, at) != offset(zone, at + HOUR)]
    assert len(changes) == 2
    near = [at + (each - 96) * HOUR / 2 for at in changes for each in range(192)]
    for said, is_shown in WALL.items():
        hours = parse_hours(said, zone)
        for now in [FIRST + each * 61 * MINUTE for each in range(366 * 24)] + near:
            assert (held_until(hours, now) is not None) is is_shown(*shows(zone, now).split()), (said, now)


AT_CHANGES = {
    # In Berlin 02:00 to 03:00 is left out on 29 March, and comes twice on 25 October 2026.
    ("Sun 02:00-04:00", "2026-03-29"): ("01:00", "02:00"),
    ("Sun 02:15-02:45", "2026-03-29"): ("01:00", "01:45"),
    ("Sun 02:30-03:15", "2026-03-29"): ("01:00", "01:15"),
    ("Sun 01:00-02:30", "2026-03-29"): ("00:00", "01:30"),
    ("Sun 01:00-02:00", "2026-03-29"): ("00:00", "01:00"),
    ("Sun 03:00-03:30", "2026-03-29"): ("01:00", "01:30"),
    ("Sun 02:00-04:00", "2026-10-25"): ("00:00", "03:00"),
    ("Sun 02:15-02:45", "2026-10-25"): ("00:15", "01:45"),
    ("Sun 01:00-02:30", "2026-10-25"): ("23:00", "01:30"),
    ("Sun 01:00-02:00", "2026-10-25"): ("23:00", "01:00"),
    ("Sun 03:00-04:00", "2026-10-25"): ("02:00", "03:00"),
    ("Sat 22:00-02:30", "2026-03-29"): ("21:00", "01:30"),
    ("Sat 22:00-06:00", "2026-10-25"): ("20:00", "05:00"),
}
"""Hours in Berlin around a night, and when they start and end in UTC."""


@pytest.mark.parametrize(("said", "day"), AT_CHANGES)
def test_no_range_vanishes_or_parts_at_a_change_of_the_clock(said: str, day: str) -> None:
    hours, noon_before = parse_hours(said, "Europe/Berlin"), utc(f"{day}T12:00") - 24 * HOUR
    held = [now for minutes in range(24 * 60) if held_until(hours, now := noon_before + minutes * MINUTE)]
    assert (f"{held[0]:%H:%M}", f"{held[-1] + MINUTE:%H:%M}") == AT_CHANGES[said, day]
    assert len(held) == (held[-1] - held[0]) // MINUTE + 1, "in one piece"
    assert {held_until(hours, now) for now in held} == {held[-1] + MINUTE}
    assert next_start(hours, noon_before) == held[0]


def test_a_day_that_was_left_out_leaves_no_hours_out() -> None:
    """Samoa had no 30 December 2011: midnight of Friday was that of Saturday, 10:00 UTC."""
    hours = parse_hours("Fri 09:00-10:00", "Pacific/Apia")
    assert next_start(hours, utc("2011-12-29T22:00")) == utc("2011-12-30T10:00")


TIMES = st.integers(0, 24 * 60 - 1)


def said(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def some_hours(draw: st.DrawFn) -> Hours:
    days = ",".join(draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=3)))
    start, length = draw(TIMES), draw(st.integers(1, 24 * 60 - 1))
    return parse_hours(f"{days} {said(start)}-{said((start + length) % (24 * 60))}", draw(st.sampled_from(ZONES)))


@given(some_hours(), st.integers(0, 366 * 24 * 60))
def test_the_next_start_is_the_first_instant_that_is_held(hours: Hours, minutes: int) -> None:
    now = FIRST + minutes * MINUTE
    start = next_start(hours, now)
    assert start is not None
    assert now <= start < now + timedelta(days=8)
    assert held_until(hours, start) is not None
    assert start == now or held_until(hours, start - MINUTE) is None
    middle = now + (start - now) / 2
    assert (held_until(hours, middle) is None) is (middle < start)


@given(some_hours(), st.integers(0, 366 * 24 * 60))
def test_hours_hold_up_to_their_end(hours: Hours, minutes: int) -> None:
    now = FIRST + minutes * MINUTE
    end = held_until(hours, now)
    if end is not None and end < now + timedelta(days=7):
        assert held_until(hours, end) is None
        assert held_until(hours, end - MINUTE) == end


def test_none_begin_on_a_holiday() -> None:
    hours = parse_hours("Mon-Fri 09:00-17:00", "Europe/Berlin", frozenset({date(2026, 12, 25), date(2026, 12, 28)}))
    assert held_until(hours, utc("2026-12-25T09:00")) is None
    assert next_start(hours, utc("2026-12-24T16:00")) == utc("2026-12-29T08:00"), "over a weekend between two holidays"


def test_where_every_day_is_off_none_begins() -> None:
    off = frozenset(date(2026, 1, 1) + timedelta(days=each) for each in range(500))
    assert next_start(parse_hours("09:00-17:00", "UTC", off), FIRST) is None


def test_ranges_that_follow_one_another_are_one() -> None:
    hours = parse_hours("Fri 22:00-24:00; Sat 00:00-06:00; Sat 05:00-07:00", "UTC")
    assert held_until(hours, utc("2026-01-02T23:00")) == utc("2026-01-03T07:00")


ALWAYS = {"00:00-24:00": True, "Mon-Sun 12:00-11:59": False, "12:00-00:00; 00:00-12:00": True, "Mon-Sat 00:00-24:00": False}


@pytest.mark.parametrize("said", ALWAYS)
def test_hours_that_leave_nothing_out(said: str) -> None:
    assert is_always(parse_hours(said, "UTC")) is ALWAYS[said]


NAMED = {"Mon": {0}, "Mon-Wed": {0, 1, 2}, "sat, SUN": {5, 6}, "Fri-Mon": {4, 5, 6, 0}, "Mon,Wed-Thu": {0, 2, 3}, "": set(range(7))}


@pytest.mark.parametrize("text", NAMED)
def test_days(text: str) -> None:
    assert parse_days(text) == NAMED[text]


WRONG = {
    "": "no weekly hours",
    "Sat": "no weekly hours",
    "Sat 2-4": "no weekly hours",
    "Caturday 02:00-04:00": "'Caturday' is no day of the week",
    "Sat, 02:00-04:00": "is no day of the week",
    "Sat 02:00-02:00": "without length",
    "24:00-06:00": "without length",
    "Sat 02:00-25:00": "25:00 is no time of the day",
    "Sat 02:60-04:00": "02:60 is no time of the day",
    "Sat 02:00-04:00;": "no weekly hours",
    "Sat 02:00-04:00" * 50: "too long",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_hours_is_said_in_one_line(text: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(WRONG[text])) as raised:
        parse_hours(text, "UTC")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["", "Europe/Bielefeld", "../etc/passwd", "Mars", "\x00"])
def test_an_unknown_zone_is_said(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no time zone"):
        parse_hours("Sat 02:00-04:00", name)


def test_holidays_are_a_file_of_dates() -> None:
    assert parse_holidays("# Germany\n2026-12-25\n\n 2026-12-26  # second day\n") == {date(2026, 12, 25), date(2026, 12, 26)}
    with pytest.raises(ConfigurationError, match=r"line 2: 'Boxing Day' is no date"):
        parse_holidays("2026-12-25\nBoxing Day")
