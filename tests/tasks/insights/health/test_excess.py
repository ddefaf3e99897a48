"""The tail of an hour's share, against scipy's beta-binomial and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, binom

from tasks.insights.health.excess import LEAST_CORRELATION, Usual, excess_tail, fit_usual, q_over_operations


def days(hits, totals, number=10, hours=24):
    """The same hour again and again, of one operation."""
    return np.full((1, number, hours), hits), np.full((1, number, hours), totals)


@given(st.integers(1, 400), st.floats(0, 1), st.floats(0.001, 0.5), st.floats(0.0005, 0.3))
@settings(max_examples=60, deadline=None)
def test_it_is_the_tail_of_a_beta_binomial(n: int, part: float, share: float, correlation: float) -> None:
    k = round(part * n)
    tail = excess_tail(np.array([k]), np.array([n]), Usual(np.array([share]), np.array([correlation])))
    strength = 1 / correlation - 1
    terms = betabinom.pmf(np.arange(k, n + 1), n, share * strength, (1 - share) * strength)
    assert tail[0] == pytest.approx(terms.sum(), rel=1e-6)


def test_without_correlation_it_is_binomial() -> None:
    usual = Usual(np.array([0.05]), np.array([LEAST_CORRELATION]))
    assert excess_tail(np.array([12]), np.array([100]), usual)[0] == pytest.approx(binom.sf(11, 100, 0.05), rel=1e-3)


def test_of_none_everything_is_possible_and_of_all_it_ends() -> None:
    usual = Usual(np.array([0.05, 0.05, np.nan]), np.array([0.01, 0.01, np.nan]))
    tails = excess_tail(np.array([0, 50, 5]), np.array([0, 50, 50]), usual)
    assert tails[0] == 1.0
    assert 0 < tails[1] < 1e-20
    assert np.isnan(tails[2])


class TestUsual:
    def test_hours_that_are_all_alike_have_no_correlation_but_an_uncertain_mean(self) -> None:
        """240 hours with 5 of 100: 24,000 requests."""
        usual = fit_usual(*days(5, 100))
        assert usual.share[0] == pytest.approx((1200 + 0.5) / 24_001)
        assert usual.correlation[0] == pytest.approx(LEAST_CORRELATION + (1 + 99 * LEAST_CORRELATION) / 24_000)

    def test_hours_that_scatter_more_than_chance_correlate(self) -> None:
        """0 and 10 of 100 in turn: (25 / 4.75 - 1) / 99 = .043."""
        hits, totals = days(0, 100, number=28)
        hits[:, :, ::2] = 10
        assert fit_usual(hits, totals).correlation[0] == pytest.approx(0.043, abs=0.001)

    @pytest.mark.parametrize("length", [1, 3, 13])
    def test_an_incident_of_less_than_two_weeks_does_not_become_usual(self, length: int) -> None:
        hits, totals = days(5, 100, number=28)
        hits[:, 10 : 10 + length] = 60
        assert fit_usual(hits, totals).share[0] == pytest.approx(0.05, abs=0.001)

    @pytest.mark.parametrize(("number", "is_known"), [(6, False), (7, True)])
    def test_it_needs_seven_days_with_requests(self, number: int, is_known: bool) -> None:
        hits, totals = days(5, 100, number=28)
        totals[:, number:] = hits[:, number:] = 0
        assert np.isfinite(fit_usual(hits, totals).share[0]) == is_known

    def test_operations_are_apart(self) -> None:
        first, second = days(5, 100), days(1, 40)
        both = fit_usual(np.concatenate([first[0], second[0]]), np.concatenate([first[1], second[1]]))
        assert both.share[1] == fit_usual(*second).share[0]


def test_false_discoveries_are_controlled_hour_by_hour_over_what_was_tested() -> None:
    tails = np.array([[0.01, np.nan, 0.04], [np.nan, np.nan, np.nan], [0.01, 0.02, 0.03]])
    expected = np.array([[0.02, np.nan, 0.04], [np.nan] * 3, [0.03, 0.03, 0.03]])
    np.testing.assert_allclose(q_over_operations(tails), expected)
