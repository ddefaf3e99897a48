"""Earlier occurrences worked out on a calendar."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.insights.detection.calendar import rhythms

DAY = timedelta(days=1)


def occurrences(at: datetime) -> dict[str, list[list[datetime]]]:
    found: dict[str, list[list[datetime]]] = {}
    for each in rhythms(int(at.timestamp()) // 60):
        found.setdefault(each.every, []).append([at - timedelta(minutes=ago) for ago in each.ago])
    return found


def test_the_day_the_week_and_the_hours_before() -> None:
    at = datetime(2026, 6, 18, 23, 25, tzinfo=UTC)
    found = occurrences(at)
    assert found["day"][0] == [at - n * DAY for n in range(1, 8)]
    assert found["week"] == [[at - 7 * n * DAY for n in range(1, 5)]]
    assert found["hour"] == [[at - n * timedelta(hours=1) for n in range(1, 7)]]


def test_what_comes_each_day_a_quarter_of_an_hour_later_or_earlier() -> None:
    at = datetime(2026, 6, 18, 12, tzinfo=UTC)
    later, earlier = occurrences(at)["day"][1:3]
    assert {later[1], earlier[1]} == {at - 2 * DAY + timedelta(minutes=30), at - 2 * DAY - timedelta(minutes=30)}


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ((2026, 6, 18), [(5, 18), (4, 18), (3, 18)]),
        ((2026, 5, 31), [(4, 30), (3, 31), (2, 28)]),
        ((2026, 6, 1), [(5, 4), (4, 6), (3, 2)]),
        ((2026, 6, 26), [(5, 29), (4, 24), (3, 27)]),
    ],
    ids=["the same day", "the last day", "the first Monday", "the last Friday"],
)
def test_days_of_the_month(at: tuple[int, int, int], expected: list[tuple[int, int]]) -> None:
    months = occurrences(datetime(*at, 3, tzinfo=UTC))["month"]
    assert [datetime(2026, *day, 3, tzinfo=UTC) for day in expected] in [each[:3] for each in months]


def test_a_day_that_other_months_lack_is_left_out() -> None:
    months = occurrences(datetime(2026, 5, 31, 3, tzinfo=UTC))["month"]
    assert [datetime(2026, 3, 31, 3, tzinfo=UTC), datetime(2026, 1, 31, 3, tzinfo=UTC)] in [each[:2] for each in months]


def test_after_a_change_of_the_clock_the_local_time_counts_too() -> None:
    """Berlin sets its clocks back on 25 Oct 2026: what ran at 01:30 UTC the days before comes at 02:30 UTC."""
    at = datetime(2026, 10, 27, 2, 30, tzinfo=UTC)
    first = occurrences(at)["day"]
    assert [at - DAY, at - 2 * DAY, at - 3 * DAY - timedelta(hours=1), at - 4 * DAY - timedelta(hours=1)] in [
        each[:4] for each in first
    ]
    assert len(occurrences(datetime(2026, 7, 27, 2, 30, tzinfo=UTC))["day"]) == 3
