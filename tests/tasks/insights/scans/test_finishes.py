"""Intervals for the finish: ranks by hand, and how often they hold the truth."""

import numpy as np
import pytest

from tasks.insights.scans.durations import fit_survival
from tasks.insights.scans.finishes import ENOUGH, finish_by_ranks, queued_finish, running_finish

ONE = np.array([0])
CASES = 3000
ALLOWED = 3 * np.sqrt(0.95 * 0.05 / CASES)
"""Three standard errors of a coverage of 95 %."""


def drawn(seed: int, runs: int, sigma: float = 0.4) -> np.ndarray:
    """Times of cases x runs; the medians of the cases lie anywhere between one minute and 100."""
    rng = np.random.default_rng(seed)
    return 60 * np.exp(rng.uniform(0, np.log(100), (CASES, 1)) + sigma * rng.standard_normal((CASES, runs)))


def test_ranks_by_hand() -> None:
    """Of 79 that lasted as long, 80 places: 2 / 80 lie below the second."""
    times = np.arange(1.0, 101.0)[None, ::-1]
    finish = finish_by_ranks(times, times + 1000, ONE, np.array([22.0]))
    assert (finish.low[0], finish.median[0], finish.high[0]) == (1023.0, 1061.0, 1099.0)


def test_too_few_that_lasted_as_long_have_no_ranks() -> None:
    times = np.arange(1.0, 101.0)[None]
    finish = finish_by_ranks(times, times, np.array([0, 0]), np.array([100.0 - ENOUGH + 1, 100.0 - ENOUGH + 1.5]))
    assert np.isnan(finish.low).tolist() == [False, True]


def test_a_time_that_is_not_known_has_no_ranks() -> None:
    times = np.arange(1.0, 101.0)[None]
    assert np.isnan(finish_by_ranks(times, times, ONE, np.array([np.nan])).high)[0]


def test_no_scans_have_no_finishes() -> None:
    nothing = finish_by_ranks(np.ones((1, 50)), np.ones((1, 50)), np.array([], dtype=int), np.array([]))
    assert nothing.low.size == 0


@pytest.mark.parametrize("elapsed", [0.0, 600.0])
def test_ranks_cover_95_percent_of_those_that_last_as_long(elapsed: float) -> None:
    times = drawn(1, 101)
    finish = finish_by_ranks(times[:, :-1], times[:, :-1], np.arange(CASES), np.full(CASES, elapsed))
    true = times[:, -1]
    cases = (true >= elapsed) & ~np.isnan(finish.low)
    covered = np.mean(((finish.low <= true) & (true <= finish.high))[cases])
    assert np.count_nonzero(cases) > CASES / 3
    assert covered >= 0.95 - 2 * ALLOWED
    assert covered <= 0.98


@pytest.mark.parametrize("runs", [5, 30])
@pytest.mark.parametrize("elapsed", [0.0, 800.0])
def test_distributions_cover_95_percent_of_those_that_last_as_long(runs: int, elapsed: float) -> None:
    times = drawn(2, runs + 1)
    groups, true = np.arange(CASES), times[:, -1]
    finish = running_finish(fit_survival(times[:, :-1], grain=1.0), groups, np.full(CASES, elapsed))
    covered = ((finish.low <= true) & (true <= finish.high))[true >= elapsed]
    assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / covered.size)
    assert np.mean(true[true >= elapsed] > finish.median[true >= elapsed]) == pytest.approx(0.5, abs=0.06)
    assert np.all(finish.low >= elapsed)


def test_waiting_and_running_cover_at_least_95_percent() -> None:
    queued, ran = drawn(3, 11, sigma=0.8) / 10, drawn(4, 11)
    finish = queued_finish(
        fit_survival(queued[:, :-1], grain=60.0), fit_survival(ran[:, :-1], grain=1.0), np.arange(CASES), np.full(CASES, 60.0)
    )
    true = (queued + ran)[:, -1]
    covered = ((finish.low <= true) & (true <= finish.high))[queued[:, -1] >= 60]
    assert np.mean(covered) >= 0.95 - ALLOWED


def test_waiting_and_running_may_each_overrun_in_half_of_the_misses() -> None:
    """1.25 % each, so that both together miss in 2.5 % at the most, whatever they have to do with each other (Bonferroni)."""
    queue, run = fit_survival(drawn(5, 30), 1.0), fit_survival(drawn(6, 30), 1.0)
    groups, at_once = np.arange(CASES), np.zeros(CASES)
    share = np.full(CASES, 0.0125)
    finish = queued_finish(queue, run, groups, at_once)
    assert finish.high == pytest.approx(queue.seconds(groups, share * queue.share(groups, at_once)) + run.seconds(groups, share))
