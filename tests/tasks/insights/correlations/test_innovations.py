"""What is new in each minute: nothing of trend, level, size, cycle or the past is left, and nothing comes of what is not known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from tasks.insights.correlations.innovations import CHANGES_NEEDED, ORDER, Innovations, innovations
from tests.minute_series import CYCLE, MINUTES, TIMES, autocorrelated, counters, noise, smoothed, walk

RNG = np.random.default_rng(11)
WALK = walk(RNG, 1)


def one(levels) -> Innovations:
    return innovations(np.atleast_2d(np.asarray(levels, dtype=float)))


def agreement(one_series, other) -> float:
    return float(np.corrcoef(one_series.values[0], other.values[0])[0, 1])


@pytest.mark.parametrize("draw", [noise, walk, autocorrelated, counters, smoothed])
def test_they_have_mean_0_and_variance_1_and_do_not_resemble_the_minute_before(draw) -> None:
    found = innovations(draw(np.random.default_rng(3), 20))
    n = found.known.sum(axis=1)
    assert n.tolist() == [MINUTES - 1 - ORDER] * 20, "the first minute has no change, and the next too few before them"
    assert found.values.sum(axis=1) / n == pytest.approx(np.zeros(20), abs=1e-9)
    assert (found.values**2).sum(axis=1) / n == pytest.approx(np.ones(20))
    beside = [abs(np.mean(found.values[:, lag:] * found.values[:, :-lag])) for lag in (1, 2, 5, 30)]
    assert max(beside) < 0.03


def test_the_shocks_that_a_series_is_made_of_come_back() -> None:
    shocks = np.random.default_rng(5).normal(size=MINUTES)
    found = one(lfilter([1], [1, -0.98], shocks)).values[0]
    assert np.corrcoef(found[60:], shocks[60:])[0, 1] > 0.95


@given(st.floats(0.001, 1000), st.floats(-1e6, 1e6), st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_unit_level_and_trend_do_not_matter(unit: float, level: float, trend: float) -> None:
    assert agreement(one(WALK), one(unit * (WALK + level + trend * TIMES))) > 1 - 1e-5


def test_what_comes_every_hour_and_every_day_is_not_new() -> None:
    jobs = 50.0 * (TIMES % 60 == 7) + 20.0 * (TIMES % 15 == 2)
    assert agreement(one(WALK), one(WALK + 100 * CYCLE)) > 0.97
    assert agreement(one(WALK), one(WALK + jobs)) > 0.6
    spiked = one(WALK + jobs).values[0].reshape(-1, 60)
    assert np.abs(np.median(spiked, axis=0)).max() < 0.3


@pytest.mark.parametrize(
    "levels",
    [
        np.full(MINUTES, 8.0),
        2.5 * TIMES,
        100 * CYCLE,
        np.where(TIMES == 700, 1.0, 0.0),
        np.where(np.isin(TIMES, range(0, 20 * CHANGES_NEEDED, 45)), 1.0, 0.0),
        np.full(MINUTES, np.nan),
        np.where(TIMES == 700, 1.0, np.nan),
    ],
    ids=["constant", "a line", "a sine", "one spike", "few spikes", "unknown", "one sample"],
)
def test_a_formula_or_what_hardly_changes_tells_nothing(levels) -> None:
    found = one(levels)
    assert found.known.sum() == 0
    assert found.values.tolist() == np.zeros((1, MINUTES)).tolist()


def test_a_minute_that_is_missing_costs_itself_and_the_next() -> None:
    levels = WALK[0].copy()
    levels[500] = np.nan
    found = one(levels)
    assert np.flatnonzero(found.known[0] == 0).tolist() == [*range(ORDER + 1), 500, 501]
    assert agreement(one(WALK), found) > 0.99


def test_nothing_is_made_of_a_gap_or_of_hours_before_a_host_appeared() -> None:
    levels = WALK[0].copy()
    levels[:400] = np.nan
    levels[900:960] = np.nan
    levels[960:] += 50
    found = one(levels)
    assert found.known[0].sum() == MINUTES - 400 - 1 - ORDER - 61 - ORDER
    assert np.abs(found.values[0, 960:1000]).max() < 6, "the step over the gap is not a change of a minute"


def test_one_burst_does_not_rule() -> None:
    levels = WALK[0].copy()
    levels[777] += 1e6
    assert agreement(one(WALK), one(levels)) > 0.97
    assert np.abs(one(levels).values).max() < 12


def test_no_series_at_all() -> None:
    assert innovations(np.empty((0, MINUTES))).values.shape == (0, MINUTES)
