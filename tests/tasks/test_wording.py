"""Durations, counts and plurals as people write and read them."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.wording import LONGEST, counted, duration, parse_duration, plural

SECONDS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0s", timedelta()),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1d12h", timedelta(hours=36)),
        ("1w", timedelta(7)),
        ("3650d", LONGEST),
        ("315360000s", LONGEST),
    ],
)
def test_durations_are_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 m", "5m ", "5m\n", "1.5h", "3650d1s", "999999999w" * 9, "٣m", "5M"])
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 s"),
        (45, "45 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (185.0, "3 min 5 s"),
        (599.6, "10 min"),
        (754, "13 min"),
        (1261.0, "21 min"),
        (3599.0, "1 h"),
        (3720.0, "1 h 2 min"),
        (86_399.0, "1 d"),
        (86_460.0, "1 d"),
        (97_200.0, "1 d 3 h"),
        (97_170.0, "1 d 3 h"),
        (-90.0, "-1 min 30 s"),
        (1e300, re.compile("[0-9]+ d( [0-9]+ h)?")),
    ],
)
def test_durations_are_said_in_two_units(seconds: float, said: str | re.Pattern) -> None:
    assert re.fullmatch(said, duration(seconds))


@given(st.floats(0, 1e9))
def test_what_is_said_is_off_by_less_than_the_smaller_unit(seconds: float) -> None:
    """Half a second under ten minutes, half a minute from there on, an hour of days."""
    parts = re.findall(r"([0-9]+) (d|h|min|s)", duration(seconds))
    said = sum(int(count) * SECONDS[unit] for count, unit in parts)
    off = 0.5 if seconds < 600 else 30 if seconds < 86_370 else 3630
    assert abs(said - seconds) <= off
    assert len(parts) <= 2


def test_counts() -> None:
    assert [counted(n, "day") for n in (0, 1, 1234)] == ["0 days", "1 day", "1,234 days"]
    assert [counted(n, "sample row") for n in (1, 2)] == ["1 sample row", "2 sample rows"]
    assert [plural(noun, 2) for noun in ("column", "anomaly", "day", "query")] == ["columns", "anomalies", "days", "queries"]
    assert plural("entry", 1) == "entry"
