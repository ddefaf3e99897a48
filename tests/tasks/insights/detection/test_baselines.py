"""Levels and scatter of rows worked out by hand."""

import numpy as np
import pytest

from tasks.insights.detection.baselines import FURTHEST, TrailingWindow, fit_baseline, medians, standardise, trailing

NAN = np.nan


def test_medians_leave_gaps_out() -> None:
    """1, 3, 8, 9 have 5.5 between them; 2, 4, 7 have 4; one value is fewer than two."""
    rows = np.array([[9.0, 1.0, NAN, 3.0, 8.0], [NAN, 7.0, 2.0, NAN, 4.0], [NAN, NAN, 5.0, NAN, NAN], [NAN] * 5])
    np.testing.assert_array_equal(medians(rows, least=2), [5.5, 4.0, NAN, NAN])


def test_the_spread_is_the_median_deviation_where_that_is_wide_enough() -> None:
    """40 values, half of them 0 and half 2: median 1, all deviate by 1, and the standard deviation is 1."""
    baseline = fit_baseline(np.tile([0.0, 2.0], (1, 20)))
    assert baseline.middle == [1.0]
    assert baseline.spread == [1.4826]
    assert baseline.least[0] == pytest.approx(0.5 / 1.4826)


def test_a_metric_that_mostly_rests_has_half_its_standard_deviation_for_a_spread() -> None:
    """36 times 0 and 4 times 10: the median deviation is 0, the standard deviation sqrt(0.1 * 0.9) * 10 = 3."""
    baseline = fit_baseline(np.array([[0.0] * 36 + [10.0] * 4]))
    assert baseline.spread[0] == pytest.approx(1.5)
    assert baseline.least == [1.0]


def test_what_never_changed_is_as_far_off_as_can_be_when_it_does() -> None:
    baseline = fit_baseline(np.full((1, 40), 7.0))
    np.testing.assert_array_equal(standardise(np.array([[7.0, 7.5, NAN, 0.0]]), baseline), [[0, FURTHEST, NAN, -FURTHEST]])


def test_the_trailing_level_is_of_the_steps_before_the_block() -> None:
    """Blocks of 2 from the even steps on: steps 4 and 5 see 0 to 3, steps 6 and 7 see 2 to 5."""
    values = np.arange(8.0)[None, :]
    middle, spread = trailing(values, first=0, start=4, span=TrailingWindow(4, 2))
    np.testing.assert_array_equal(middle, [[1.5, 1.5, 3.5, 3.5]])
    np.testing.assert_allclose(spread, [[1.4826] * 4])


def test_a_step_has_one_trailing_level_wherever_the_columns_begin() -> None:
    values = np.random.default_rng(0).normal(size=(3, 100))
    span = TrailingWindow(24, 6, 4)
    whole, part = trailing(values, 0, 60, span), trailing(values[:, 13:], 13, 47, span)
    np.testing.assert_array_equal(whole, part)


def test_nothing_precedes_the_first_steps() -> None:
    middle, spread = trailing(np.ones((1, 3)), 0, 0, TrailingWindow(8, 1))
    np.testing.assert_array_equal(middle, [[NAN, NAN, 1.0]])
    np.testing.assert_array_equal(spread, [[NAN, NAN, 0.0]])
