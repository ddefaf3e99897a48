"""The distributions of scans' times against their definition, their inverse, and simulations of which the truth is known."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from tasks.insights.scans.durations import LATEST, LEAST_RUNS, LEAST_SPREAD, NEVER, fit_spread, fit_survival, padded

ONE = np.array([0])


def survival_of(*runs: list[float]):
    return fit_survival(padded(pl.Series(runs, dtype=pl.List(pl.Float64))), grain=0.0)


def fleet(seed: int, groups: int = 200, runs: int = 41, stretched: float = 0.0) -> np.ndarray:
    """Log-normal times of groups x runs, sigma 0.2 to 0.5, a share of them 5 times as long."""
    rng = np.random.default_rng(seed)
    medians, sigmas = rng.uniform(100, 5000, (groups, 1)), rng.uniform(0.2, 0.5, (groups, 1))
    outliers = np.where(rng.random((groups, runs)) < stretched, 5.0, 1.0)
    return medians * np.exp(sigmas * rng.standard_normal((groups, runs))) * outliers


def test_a_group_alone_has_the_predictive_t_distribution() -> None:
    """Of 4, 5, 6, 7, 8 as logs: mean 6, variance 10 / 4, 4 degrees of freedom, and a new value varies by 1 + 1 / 5 of it."""
    survival = survival_of(np.exp([4.0, 5, 6, 7, 8]).tolist())
    for log in (2.0, 6.0, 9.5):
        expected = t.sf((log - 6) / np.sqrt(2.5 * 1.2), df=4)
        assert survival.share(ONE, np.exp([log])) == pytest.approx(expected, rel=1e-9)


def test_fewer_runs_than_it_takes_say_nothing() -> None:
    survival = survival_of([60.0] * (LEAST_RUNS - 1), [60.0] * LEAST_RUNS)
    shares = survival.share(np.array([0, 1]), np.array([90.0, 90.0]))
    assert np.isnan(shares).tolist() == [True, False]
    assert np.isnan(survival.seconds(ONE, np.array([0.5])))[0]


def test_no_time_is_beyond_all_instants() -> None:
    """Of runs from a millisecond to 30 years the quantiles of the t distribution would overflow."""
    seconds = survival_of([1e-3, 1e9, 1e-3, 1e9, 1e-3]).seconds(np.array([0, 0]), np.array([1e-4, 1e-9]))
    assert seconds == pytest.approx([NEVER, NEVER])


def test_runs_all_alike_still_leave_room() -> None:
    """5 % of spread at least: with n = 30 of them, 29 degrees of freedom."""
    survival = survival_of([600.0] * 40)
    expected = t.sf(np.log(1.2) / (LEAST_SPREAD * np.sqrt(1 + 1 / LATEST)), df=LATEST - 1)
    assert survival.share(ONE, np.array([720.0])) == pytest.approx(expected, rel=1e-6)


def test_only_the_latest_runs_say_where_a_scan_stands() -> None:
    before, since = fleet(1, groups=1, runs=60)[0], fleet(2, groups=1, runs=LATEST)[0]
    changed, alone = survival_of([*before, *since]), survival_of(list(since))
    assert changed.locations == pytest.approx(alone.locations)
    assert changed.scales == pytest.approx(alone.scales)


@given(st.lists(st.floats(1, 1e5), min_size=LEAST_RUNS, max_size=60), st.floats(0, 1e6), st.floats(0, 1e6))
def test_fewer_last_longer(runs: list[float], one: float, other: float) -> None:
    short, long = fit_survival(np.array([runs]), grain=1.0).share(np.array([0, 0]), np.sort([one, other]))
    assert 0 <= long <= short <= 1


@given(st.floats(1e-4, 0.999), st.sampled_from([0.0, 0.05]))
def test_seconds_is_the_inverse_of_share(share: float, stretched: float) -> None:
    """As far as the share of what came has no steps: there it is the least time at which no more are left."""
    survival = fit_survival(fleet(3, stretched=stretched), grain=1.0)
    (seconds,) = survival.seconds(ONE, np.array([share]))
    assert survival.share(ONE, np.array([seconds * (1 + 1e-9)])) <= share + 1 / survival.past.size + 1e-9
    assert survival.share(ONE, np.array([seconds * (1 - 1e-9)])) >= share - 1e-9


def test_spread_is_found_again() -> None:
    """2,000 variances of 12 observations each from s0^2 * d0 / chi^2(d0) with s0^2 = 0.1 and d0 = 8."""
    rng = np.random.default_rng(4)
    true = 0.1 * 8 / rng.chisquare(8, 2000)
    spread = fit_spread(true * rng.chisquare(11, 2000) / 11, np.full(2000, 11.0))
    assert spread.variance == pytest.approx(0.1, rel=0.05)
    assert spread.freedom == pytest.approx(8, rel=0.15)


def test_spread_of_groups_that_are_alike_counts_for_much_and_of_few_for_nothing() -> None:
    rng = np.random.default_rng(5)
    assert fit_spread(0.1 * rng.chisquare(11, 2000) / 11, np.full(2000, 11.0)).freedom == pytest.approx(20)
    assert fit_spread(np.array([0.1, 0.2]), np.array([9.0, 9.0])).freedom == 0.0


@pytest.mark.parametrize("runs", [LEAST_RUNS + 1, 41], ids=["a handful", "many"])
def test_a_share_comes_as_often_as_it_says(runs: int) -> None:
    """The last run of each of 4,000 groups, predicted from those before; three standard errors, and a tenth for the model."""
    times = fleet(6, groups=4000, runs=runs)
    shares = fit_survival(times[:, :-1], grain=0.0).share(np.arange(4000), times[:, -1])
    for level in (0.005, 0.05, 0.5):
        came = np.mean(shares <= level)
        assert came == pytest.approx(level, abs=3 * np.sqrt(level / 4000) + level / 10)


def test_outliers_widen_the_tail() -> None:
    """Where 5 % of the runs are 5 times as long, nearly 5 % last longer than 4 medians; without outliers hardly any does."""
    groups = np.arange(200)
    with_, without = (
        np.median(survival.share(groups, 4 * np.median(times, axis=1)))
        for times in (fleet(7, stretched=0.05), fleet(7))
        for survival in [fit_survival(times, grain=0.0)]
    )
    assert with_ > 0.01
    assert without < 0.002


def test_the_order_of_the_groups_changes_nothing() -> None:
    times = fleet(8, groups=20)
    order = np.random.default_rng(8).permutation(20)
    there, here = fit_survival(times[order], grain=1.0), fit_survival(times, grain=1.0)
    assert there.past == pytest.approx(here.past, rel=1e-12)
    assert there.locations == pytest.approx(here.locations[order], rel=1e-12)
