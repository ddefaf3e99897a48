"""Source timestamps without a zone, in a zone whose clock goes forward and back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.warehouse import connect
from tasks.sources.instants import local_floor, text_in_utc

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def in_utc(text: str | None, zone: ZoneInfo) -> str | None:
    return text_in_utc(pl.DataFrame({"at": [text]}, schema={"at": pl.String}), zone)["at"][0]


def as_the_contract_reads(text: str | None) -> datetime | None:
    with connect() as con:
        return con.execute("SELECT TRY_CAST(? AS TIMESTAMPTZ)", [text]).fetchall()[0][0]


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-01-15 12:00:00", "2026-01-15T11:00:00.000000+00:00"),
        ("2026-07-15 12:00:00", "2026-07-15T10:00:00.000000+00:00"),
        ("2026-07-15T12:00:00.25", "2026-07-15T10:00:00.250000+00:00"),
        ("2026-07-15 12:00", "2026-07-15T10:00:00.000000+00:00"),
        ("2026-07-15", "2026-07-14T22:00:00.000000+00:00"),
        ("2026-03-29 01:59:59", "2026-03-29T00:59:59.000000+00:00"),
        ("2026-03-29 03:00:00", "2026-03-29T01:00:00.000000+00:00"),
        ("2026-10-25 01:59:59", "2026-10-24T23:59:59.000000+00:00"),
        ("2026-10-25 02:30:00", "2026-10-25T00:30:00.000000+00:00"),
        ("2026-10-25 03:00:00", "2026-10-25T02:00:00.000000+00:00"),
    ],
    ids=[
        "winter",
        "summer",
        "T and fraction",
        "minutes",
        "date",
        "before spring",
        "after spring",
        "before autumn",
        "twice",
        "after",
    ],
)
def test_local_times_of_berlin(local: str, utc: str) -> None:
    assert in_utc(local, BERLIN) == utc


def test_a_local_time_that_never_occurs_does_not_pass_for_utc() -> None:
    said = in_utc("2026-03-29 02:30:00", BERLIN)
    assert "2026-03-29 02:30:00" in said
    assert "Europe/Berlin" in said
    assert as_the_contract_reads(said) is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "yesterday",
        "2026-02-30 10:00:00",
        "1767225600",
        "2026-01-01 10:00:00 CET",
        "12:30",
        "26-01-01",
        "2026-01-01 24:00",
    ],
)
def test_anything_else_is_left_to_the_contract(text: str | None) -> None:
    assert in_utc(text, BERLIN) == text


@given(st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)), st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]))
def test_a_local_time_comes_back_from_utc(local: datetime, name: str) -> None:
    """Of the two readings of an hour that occurs twice, the first; what never occurs is left out."""
    zone = ZoneInfo(name)
    expected = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    exists = expected.astimezone(zone).replace(tzinfo=None) == local
    said = in_utc(local.isoformat(" "), zone)
    assert (datetime.fromisoformat(said) == expected) if exists else said.endswith(name)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.integers(0, 10**9),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Auckland", "UTC"]),
)
def test_what_changed_later_never_compares_as_earlier(since: datetime, microseconds: int, name: str) -> None:
    """The floor is a lower bound of the local text of every later instant, however the source writes it."""
    zone, since = ZoneInfo(name), since.replace(tzinfo=UTC)
    changed = (since + timedelta(microseconds=microseconds)).astimezone(zone).replace(tzinfo=None)
    floor = local_floor(since, zone)
    for text in (
        changed.isoformat(" "),
        changed.isoformat("T"),
        changed.isoformat(" ", "seconds"),
        changed.isoformat(" ", "minutes"),
    ):
        assert text >= floor


def test_the_floor_leaves_out_what_is_old() -> None:
    since = datetime(2026, 7, 15, 10, tzinfo=UTC)
    assert local_floor(since, UTC_ZONE) > "2026-07-15 09:59:59"
    assert local_floor(since, BERLIN) > "2026-07-15 10:59:59"


def test_duckdb_reads_what_is_written() -> None:
    said = in_utc("2026-07-15T12:00:00.25", BERLIN)
    assert as_the_contract_reads(said) == datetime(2026, 7, 15, 10, 0, 0, 250_000, tzinfo=UTC)
