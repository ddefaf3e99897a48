"""Runs of bad hours: where they begin, what ends them, and what is found at all."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.insights.health.runs import RECENT, SLOW, find_runs, judge, last_run

AS_OF = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAN = float("nan")


class TestLastRun:
    @pytest.mark.parametrize(
        ("tails", "run"),
        [
            ([], []),
            ([0.5, 0.5], []),
            ([0.5, 0.01], [1]),
            ([0.01, 0.5, 0.01, 0.04], [2, 3]),
            ([0.01, 0.01, 0.2], []),
            ([0.01, NAN, NAN, 0.01], [0, 3]),
            ([0.01, NAN, NAN, NAN, 0.01], [4]),
            ([0.01, NAN, NAN], [0]),
            ([0.01, NAN, NAN, NAN], []),
            ([NAN, NAN], []),
        ],
        ids=str,
    )
    def test_it_ends_with_an_hour_as_usual_or_with_silence(self, tails, run) -> None:
        assert last_run(np.array(tails), is_whole=True) == run

    @pytest.mark.parametrize(
        ("tails", "run"), [([0.01, 0.5], [0]), ([0.5, 0.01], [1]), ([0.01, 0.01], [0, 1]), ([0.01, 0.5, 0.5], [])], ids=str
    )
    def test_an_hour_that_is_not_over_may_begin_a_run_but_does_not_end_it(self, tails, run) -> None:
        assert last_run(np.array(tails), is_whole=False) == run


class TestJudge:
    def test_one_hour_of_a_run_must_be_sure_and_matter(self) -> None:
        tails = np.array([[0.04, 0.04, 1e-6, 0.5], [1e-6, 0.01, 0.01, 1e-9]])
        is_large = np.array([[True] * 4, [True, True, True, False]])
        runs = judge(tails, is_large)
        assert {place: run.hours for place, run in runs.items()} == {0: [0, 1], 2: [0, 1]}
        assert runs[0].q_value == pytest.approx(2e-6), "the second of four in its hour"
        assert runs[2].q_value == pytest.approx(4e-6)

    def test_among_more_operations_it_takes_more(self) -> None:
        one = np.array([[0.001]])
        assert judge(one, one < 1)
        many = np.array([[0.001, *[0.5] * 19]])
        assert not judge(many, many < 1)


def hours(operation="GET /a", days=10, slow=5, timed=100, as_of=AS_OF, **recent) -> list[dict]:
    """Every hour of the days up to as_of alike, the last ones as said, by hours back from it: `back_1=40` are slow."""
    last = as_of.replace(minute=0) if as_of.minute else as_of - HOUR
    backs = {int(name.removeprefix("back_")): count for name, count in recent.items()}
    return [
        {
            "as_of": as_of, "operation": operation, "hour_at": last - (back - 1) * HOUR, "requests": timed, "timed": timed,
            "slow": backs.get(back, slow), "very_slow": backs.get(back, slow) // 4, "is_large": backs.get(back, slow) > 20,
        }
        for back in range(1, 24 * days + 1)
    ]  # fmt: skip


def found(*rows) -> list[dict]:
    return find_runs(pl.DataFrame([row for each in rows for row in each]), SLOW).rows(named=True)


class TestFindRuns:
    def test_the_last_bad_hour_and_the_first(self) -> None:
        (run,) = found(hours(back_1=40, back_2=45, back_3=50), hours("GET /b"))
        assert (run["operation"], run["hour_at"], run["started_at"]) == ("GET /a", AS_OF - HOUR, AS_OF - 3 * HOUR)
        assert (run["bad_hours"], run["slow"], run["usual_requests"]) == (3, 40, 100.0)
        assert run["usual_share"] == pytest.approx(0.05, abs=0.001)
        assert run["q_value"] < 1e-9

    def test_as_usual_nothing_is_found(self) -> None:
        assert found(hours(), hours("GET /b", slow=0)) == []

    def test_what_is_over_is_not_found(self) -> None:
        assert found(hours(back_2=40, back_3=40)) == []

    def test_at_half_past_the_hour_before_still_counts(self) -> None:
        as_of = AS_OF + timedelta(minutes=30)
        (run,) = found(hours(as_of=as_of, back_2=40))
        assert run["hour_at"] == AS_OF - HOUR

    def test_without_seven_days_of_history_nothing_is_said(self) -> None:
        assert found(hours(days=7, back_1=90)) == []
        assert len(found(hours(days=8, back_1=90))) == 1

    def test_thin_hours_are_not_judged(self) -> None:
        assert found(hours(timed=29, slow=1, back_1=29)) == []
        assert len(found(hours(timed=30, slow=1, back_1=30))) == 1

    def test_a_tail_that_doubles_is_betrayed_by_what_is_far_beyond(self) -> None:
        rows = hours(slow=5)
        rows[0] |= {"slow": 10, "very_slow": 10, "is_large": True}
        (run,) = found(rows)
        assert run["q_value"] < 0.002

    def test_no_rows_no_runs(self) -> None:
        assert find_runs(pl.DataFrame(hours()).clear(), SLOW).is_empty()


@given(st.lists(st.integers(0, 100), min_size=RECENT, max_size=RECENT), st.integers(-9, 9), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_order_does_not_matter_and_whole_weeks_shift_only_the_instants(recent, weeks: int, random) -> None:
    rows = hours(**{f"back_{back}": slow for back, slow in enumerate(recent, 1)})
    expected = found(rows, hours("GET /b"))
    by = timedelta(weeks=weeks)
    shifted = [row | {"as_of": row["as_of"] + by, "hour_at": row["hour_at"] + by} for row in rows] + hours(
        "GET /b", as_of=AS_OF + by
    )
    random.shuffle(shifted)
    again = found(shifted)
    assert [row | {name: row[name] - by for name in ("as_of", "hour_at", "started_at")} for row in again] == expected
