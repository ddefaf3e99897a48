"""How a first extraction is cut into slices, and what it says of how it is getting on."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sources import pace, slices
from tasks.sources.database.session import Day, Span
from tasks.sources.pace import Pace, Pacer
from tasks.sources.slices import cut

FIRST = datetime(2026, 3, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return FIRST + timedelta(days=number)


def counted(*rows: int) -> list[Day]:
    """Consecutive days with so many rows each."""
    return [Day(day(number), count, day(number) + timedelta(hours=23)) for number, count in enumerate(rows)]


FULL = slices.LEAST_ROWS


@pytest.mark.parametrize(
    ("days", "spans"),
    [
        ([], [Span()]),
        (counted(5), [Span()]),
        (counted(FULL), [Span()]),
        (counted(FULL - 1, 1), [Span()]),
        (counted(FULL, 1), [Span(None, day(1)), Span(day(1))]),
        (counted(FULL - 1, 1, 1), [Span(None, day(2)), Span(day(2))]),
        (counted(*[FULL * 6 // 10] * 4), [Span(None, day(2)), Span(day(2))]),
        (counted(0, 0, 2 * FULL, 3), [Span(None, day(3)), Span(day(3))]),
    ],
    ids=["nothing", "one day", "one full day", "just full", "and a day after", "full on the second day", "by twos", "empty days"],
)
def test_a_slice_is_of_whole_days_with_enough_rows_and_the_last_is_open(days: list[Day], spans: list[Span]) -> None:
    assert cut(days) == spans


def test_a_large_source_is_cut_into_no_more_than_ten_slices() -> None:
    spans = cut(counted(*[2 * FULL] * 50))
    assert len(spans) == slices.MOST_SLICES == 10
    assert [span.start for span in spans[1:]] == [day(number) for number in range(5, 50, 5)]


def test_one_huge_day_is_one_slice_however_many_rows_it_has() -> None:
    assert cut(counted(1, 90 * FULL, 1)) == [Span(None, day(2)), Span(day(2))]


def test_what_goes_on_begins_where_it_was_interrupted() -> None:
    noon = day(1) + timedelta(hours=12)
    assert cut(counted(0, FULL, FULL, 1), noon) == [Span(noon, day(2)), Span(day(2), day(3)), Span(day(3))]
    assert cut([], noon) == [Span(noon)]


def test_a_day_before_the_interruption_cuts_no_slice() -> None:
    """Local times reach back before the instant that the counting was confined to."""
    assert cut(counted(FULL, FULL, 1), day(1)) == [Span(day(1), day(2)), Span(day(2))]


@given(st.lists(st.integers(0, 5), max_size=60), st.none() | st.integers(0, 60))
def test_slices_follow_one_another_without_a_gap(rows: list[int], begun: int | None) -> None:
    start = None if begun is None else day(begun)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "LEAST_ROWS", 3)
        spans = cut(counted(*rows), start)
    assert spans[0].start == start
    assert spans[-1].end is None
    assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
    bounds = [span.start for span in spans if span.start]
    assert bounds == sorted(set(bounds))
    assert len(spans) <= slices.MOST_SLICES + 1


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (Pace("scans", 0, None, 0.0), "scans: 0 rows, 0 rows/s"),
        (Pace("scans", 1_500, None, 2.0), "scans: 1,500 rows, 750 rows/s"),
        (Pace("scans", 0, 4_000, 2.0), "scans: 0 of 4,000 rows, 0 rows/s"),
        (Pace("scans", 1_000, 4_000, 2.0), "scans: 1,000 of 4,000 rows, 500 rows/s, 6 s left"),
        (Pace("users", 1_000, 1_201_000, 5.0), "users: 1,000 of 1,201,000 rows, 200 rows/s, 1 h 40 min left"),
        (Pace("users", 1_000, 61_000, 5.0), "users: 1,000 of 61,000 rows, 200 rows/s, 5 min left"),
        (Pace("users", 5_000, 4_000, 2.0), "users: 5,000 of 4,000 rows, 2,500 rows/s, 0 s left"),
    ],
    ids=["not begun", "of unknown many", "nothing yet", "seconds", "hours", "minutes", "more than were counted"],
)
def test_a_pace_says_rows_speed_and_what_is_left(state: Pace, text: str) -> None:
    assert str(state) == text


@pytest.mark.parametrize(
    ("state", "speed", "share", "left"),
    [
        (Pace("scans", 0, None, 0.0), 0.0, None, None),
        (Pace("scans", 10, 0, 1.0), 10.0, None, None),
        (Pace("scans", 250, 1_000, 5.0), 50.0, 0.25, 15.0),
        (Pace("scans", 1_000, 1_000, 4.0), 250.0, 1.0, 0.0),
        (Pace("scans", 1_500, 1_000, 4.0), 375.0, 1.0, 0.0),
        (Pace("scans", 5, 10, 0.0), 0.0, 0.5, None),
    ],
)
def test_the_numbers_of_a_pace(state: Pace, speed: float, share: float | None, left: float | None) -> None:
    assert (state.rows_per_second, state.share, state.seconds_left) == (speed, share, left)


def test_a_pacer_reports_every_two_seconds_all_rows_so_far(monkeypatch) -> None:
    clock, told = iter([100.0, 100.0, 100.5, 102.0, 103.9, 104.5]), []
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    pacer = Pacer("scans", 1_000, told.append)
    for rows in (100, 200, 300, 400):
        pacer.add(rows)
    assert told == [Pace("scans", 300, 1_000, 2.0), Pace("scans", 1_000, 1_000, 4.5)]
    assert pacer.rows == 1_000
