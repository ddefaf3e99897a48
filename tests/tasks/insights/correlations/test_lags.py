"""Lags with their sign, chance, and intervals, on series of which it is known what they have in common."""

import numpy as np
import pytest

from tasks.insights.correlations.innovations import Innovations, innovations
from tasks.insights.correlations.lags import LAGS, correlate, link
from tests.minute_series import MINUTES, autocorrelated, cycling, noise, walk


def known(values, minutes=None) -> Innovations:
    """As they are, known in all minutes or those given."""
    flags = np.zeros(MINUTES)
    flags[slice(None) if minutes is None else minutes] = 1.0
    return Innovations(np.atleast_2d(values) * flags, np.broadcast_to(flags, np.atleast_2d(values).shape).copy())


@pytest.mark.parametrize("lag", [-30, -5, -1, 0, 1, 5, 30])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_series_that_is_another_one_later_is_found_with_lag_and_sign(lag: int, sign: int) -> None:
    first = noise(np.random.default_rng(abs(lag)), 1)
    second = sign * np.roll(first, lag, axis=1) + noise(np.random.default_rng(99), 1)
    links = link(known(first), known(second))
    assert links.lag.tolist() == [[lag]]
    assert links.p_value[0, 0] < 1e-20
    r = correlate(known(first), known(second), lag)
    assert (np.sign(r.value), r.n) == (sign, MINUTES - abs(lag))
    assert r.low < r.value < r.high
    assert r.low < sign * np.sqrt(0.5) < r.high


def test_a_lag_beyond_the_furthest_is_not_found() -> None:
    first = noise(np.random.default_rng(1), 1)
    assert link(known(first), known(np.roll(first, 45, axis=1))).p_value[0, 0] > 0.05


def test_turning_a_pair_round_turns_the_lag_round() -> None:
    rng = np.random.default_rng(2)
    first, second = (innovations(walk(rng, 4)) for _ in range(2))
    there, back = link(first, second), link(second, first)
    np.testing.assert_allclose(back.p_value.T, there.p_value)
    shared = noise(rng, 4)
    one, other = known(shared), known(np.roll(shared, 7, axis=1) + noise(rng, 4))
    assert np.diag(link(one, other).lag).tolist() == [7] * 4
    assert np.diag(link(other, one).lag).tolist() == [-7] * 4


def test_what_an_autoregression_smears_begins_at_the_true_lag() -> None:
    """The second follows at once, and for minutes after, nearly as closely."""
    rng = np.random.default_rng(4)
    leads = autocorrelated(rng, 20, 0.9)
    follows = 0.5 * np.roll(leads, 5, axis=1) + noise(rng, 20)
    assert np.diag(link(innovations(leads), innovations(follows)).lag).tolist() == [5] * 20


def test_too_few_minutes_in_common_are_not_tested() -> None:
    first = noise(np.random.default_rng(6), 1)
    early, late = known(first, slice(0, 700)), known(first, slice(341, None))
    assert np.isnan(link(early, late).p_value).all()
    assert link(early, known(first, slice(300, None))).p_value[0, 0] < 1e-20
    assert np.isnan(link(known(first), known(first, slice(0, 0))).p_value).all()


@pytest.mark.parametrize("draw", [walk, autocorrelated, noise, cycling])
def test_p_values_are_small_no_more_often_than_they_say(draw) -> None:
    """780 pairs of each of 3 hosts without anything in common."""
    hosts = [innovations(draw(np.random.default_rng([8, seed]), 40)) for seed in range(3)]
    p = np.concatenate([link(host, host).p_value[np.triu_indices(40, 1)] for host in hosts])
    assert np.mean(p <= 0.05) < 0.08
    assert np.mean(p <= 0.001) < 0.005


def test_scatter_that_comes_and_goes_in_both_is_no_correlation() -> None:
    """With a variance that is ten times as large in the same half of the day, the usual standard error is a third too small."""
    rng = np.random.default_rng(10)
    scatter = np.where(np.arange(MINUTES) < MINUTES // 2, 1.0, np.sqrt(10))
    values = noise(rng, 60) * scatter
    values /= values.std(axis=1, keepdims=True)
    p = link(known(values), known(values)).p_value[np.triu_indices(60, 1)]
    assert np.mean(p <= 0.05) < 0.07


def test_what_repeats_itself_in_both_counts_less() -> None:
    """Jobs every 51 minutes, each of a size of its own: 28 of them say less than 28 times as many minutes."""
    rng = np.random.default_rng(11)
    is_job = np.arange(MINUTES) % 51 == 0
    values = noise(rng, 40) + 8 * is_job * (1 + 0.3 * noise(rng, 40))
    values = (values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, keepdims=True)
    assert link(known(values), known(values)).p_value[np.triu_indices(40, 1)].min() > 1e-5
    alike = noise(rng, 1)
    assert link(known(alike), known(alike + noise(rng, 1))).p_value[0, 0] < 1e-20


def test_the_interval_holds() -> None:
    rng = np.random.default_rng(12)
    first = noise(rng, 300)
    second = 0.4 * first + np.sqrt(1 - 0.16) * noise(rng, 300)
    held = [r.low <= 0.4 <= r.high for r in (correlate(known(a), known(b), 0) for a, b in zip(first, second, strict=True))]
    assert 0.91 <= np.mean(held) <= 0.98


def test_the_interval_holds_where_single_minutes_are_large() -> None:
    """Fisher's own standard error is too small there."""
    rng = np.random.default_rng(14)
    size = rng.lognormal(0, 0.7, (300, MINUTES))
    first, own = noise(rng, 300), noise(rng, 300)
    second = 0.4 * first + np.sqrt(1 - 0.16) * own
    pairs = zip(first * size, second * size, strict=True)
    held = [r.low <= 0.4 <= r.high for r in (correlate(known(a), known(b), 0) for a, b in pairs)]
    assert np.mean(held) >= 0.90


def test_how_many_stretches_carry_it() -> None:
    rng = np.random.default_rng(16)
    shared = noise(rng, 1)
    assert correlate(known(shared), known(shared), 0).stretches > 50
    once = np.where((np.arange(MINUTES) >= 600) & (np.arange(MINUTES) < 620), 5.0, 0.0)
    assert correlate(known(once), known(once), 0).stretches == pytest.approx(1.0)


def test_every_lag_is_looked_at() -> None:
    assert LAGS.tolist() == list(range(-30, 31))
