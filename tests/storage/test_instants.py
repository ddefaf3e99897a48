"""The grammar of instants: what is taken is what Python's own parser says, and no text changes what another one becomes."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.catalogue import DATASETS
from storage.frames import registered
from storage.instants import EXAMPLE, INSTANT, as_instant, hint
from storage.intake.contract import check_rows
from storage.warehouse import connect
from tasks.sources.instants import text_in_utc

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu", "America/St_Johns")
THOROUGH = 20_000
OTHERS = (
    "2026-06-01 10:00:00 America/New_York", "2026-06-01 10:00:00 UTC", "2026-06-01 10:00:00 CET", "yesterday", "", "1780000000",
    "2026-06-01 10:00:00+25", "2026-06-01 24:00", "2026-06-01 10:00:60", "06/01/2026", "2026-6-1 9:05", "2026-06-01T10",
    "20260601T100000Z", "2026-W23-1", "2026-06-01t10:00z", "2026-06-01 10:00:00,5", "2026-06-01 10:00 +02:00", "2026-02-30",
    "infinity", "epoch", "now",
)  # fmt: skip
"""What others take for instants, or what changes how DuckDB reads what comes after it."""


def in_duckdb(texts: Sequence[str], **pragmas: int) -> list[datetime | str | None]:
    """What the contract makes of each."""
    with connect() as con:
        for name, value in pragmas.items():
            con.execute(f"SET {name} = {value}")
        frame = pl.DataFrame({"place": range(len(texts)), "said": texts}, schema={"place": pl.Int64, "said": pl.String})
        with registered(con, "texts", frame):
            return [at for (at,) in con.execute(f"SELECT {as_instant('said')} FROM texts ORDER BY place").fetchall()]


def in_python(text: str, zone: ZoneInfo) -> datetime | None:
    """What Python's parser and zoneinfo make of what the grammar takes; None where the clock jumped over it or no year has it."""
    stripped = text.strip(" \t\r\n")
    if not re.fullmatch(INSTANT, text):
        return None
    try:
        # Python takes three or six digits of a fraction, and all further ones from 3.11 on, which it cuts.
        parsed = datetime.fromisoformat(stripped)
        if parsed.tzinfo:
            return parsed.astimezone(UTC)
        there = parsed.replace(tzinfo=zone, fold=0).astimezone(UTC)
        return there if there.astimezone(zone).replace(tzinfo=None) == parsed else None
    except (ValueError, OverflowError):
        return None


days = st.dates().map(lambda day: day.isoformat())
near_changes = st.sampled_from(["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2026-09-27", "1883-11-18"])
clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
seconds = st.one_of(st.just(""), st.builds(":{:02}".format, st.integers(0, 59)))
digits = st.integers(1, 9).flatmap(lambda places: st.text("0123456789", min_size=places, max_size=places))
fractions = st.one_of(st.just(""), digits.map(".{}".format))
hours = st.builds("{}{:02}".format, st.sampled_from("+-"), st.integers(0, 23))
offsets = st.one_of(st.sampled_from(["", "Z"]), hours, st.builds("{}{}".format, hours, st.sampled_from(["00", ":30", ":59", "45"])))
blanks = st.sampled_from(["", " ", "\t", " \r\n"])


@st.composite
def instants(draw: st.DrawFn) -> str:
    """Texts of the grammar."""
    text = draw(st.one_of(days, near_changes))
    if draw(st.booleans()):
        second = draw(seconds)
        text += draw(st.sampled_from(" T")) + draw(clocks) + second + (draw(fractions) if second else "") + draw(offsets)
    return draw(blanks) + text + draw(blanks)


def assert_as_python(texts: Sequence[str], zone: ZoneInfo) -> None:
    """Zero instants apart, in whose case zones have no say."""
    read = text_in_utc(pl.DataFrame({"said": texts}, schema={"said": pl.String}), zone, zero_days=())["said"].to_list()
    for text, found in zip(texts, in_duckdb(read), strict=True):
        expected = in_python(text, zone)
        is_within = isinstance(found, datetime)  # DuckDB hands out what lies before or after Python's years as text
        assert (found if is_within else None) == expected, f"{text!r} in {zone}"


@given(st.lists(st.one_of(instants(), st.sampled_from(OTHERS)), min_size=1, max_size=60), st.sampled_from(ZONES))
def test_what_is_taken_is_what_python_says(texts: list[str], zone: str) -> None:
    assert_as_python(texts, ZoneInfo(zone))


@pytest.mark.campaign
@settings(max_examples=THOROUGH // 100)
@given(st.lists(st.one_of(instants(), st.sampled_from(OTHERS)), min_size=100, max_size=120), st.sampled_from(ZONES))
def test_twenty_thousand_texts_are_what_python_says(texts: list[str], zone: str) -> None:
    assert_as_python(texts, ZoneInfo(zone))


@given(st.lists(st.one_of(instants(), st.sampled_from(OTHERS)), min_size=2, max_size=40), st.randoms(use_true_random=False))
def test_a_text_becomes_the_same_whatever_stands_around_it(texts: list[str], chance) -> None:
    alone = {text: in_duckdb([text])[0] for text in texts}
    shuffled = chance.sample(texts, len(texts))
    assert in_duckdb(shuffled) == [alone[text] for text in shuffled]
    many = shuffled * 200
    assert in_duckdb(many, threads=4) == [alone[text] for text in many]


@pytest.mark.parametrize("text", OTHERS)
def test_nothing_else_is_an_instant(text: str) -> None:
    assert in_duckdb([text]) == [None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1780000000", "looks like seconds since 1970: make it a timestamp in the mapping, `to_timestamp(x)`"),
        ("1780000000123", "looks like milliseconds since 1970: make it a timestamp in the mapping, `to_timestamp(x / 1000.0)`"),
        ("1780000000123456", "looks like microseconds since 1970"),
        ("1780000000123456789", "looks like nanoseconds since 1970"),
        ("1/6/2026", "does not say which is the day and which the month"),
        ("01.06.2026 10:00", "does not say which is the day and which the month"),
        ("2026-06-01 10:00:00 Europe/Berlin", "names a time zone"),
        ("-infinity", "is no instant"),
        ("20260-01-01", "is not within the years 1 to 9999"),
        ("noon", EXAMPLE),
    ],
)
def test_what_is_refused_is_told_what_to_do(text: str, said: str) -> None:
    with connect() as con:
        assert said in con.execute(f"SELECT {hint('$said')}", {"said": text}).fetchall()[0][0]


def test_nothing_in_a_row_is_cast_but_by_the_grammar() -> None:
    """When a row was seen is when it last changed, where nobody says: not that plus the offset of a zone in the row before."""
    rows = [("a", "2026-06-01 10:00:00 America/New_York"), *((f"u{place}", "2026-06-01 10:00:00") for place in range(5))]
    frame = pl.DataFrame(rows, schema=["user_id", "updated_at"], orient="row")
    with connect() as con, registered(con, "landed", frame):
        check_rows(con, DATASETS["users"], "landed", datetime(2026, 7, 1, tzinfo=UTC))
        assert con.sql("SELECT DISTINCT extracted_at, updated_at FROM accepted").fetchall() == [
            (datetime(2026, 6, 1, 10, tzinfo=UTC), datetime(2026, 6, 1, 10, tzinfo=UTC))
        ]
