"""One scale for all strands, and what is left of a score."""

import numpy as np
import pytest

from tasks.insights.detection.combining import HIGHEST, Scale, combine, fit_scale, hold, rounded


def test_a_scale_is_of_the_median_and_the_median_deviation() -> None:
    """0, 1, 2, 3, 100: median 2, deviations 2, 1, 0, 1, 98 with median 1."""
    assert fit_scale(np.array([0.0, 1.0, 2.0, 3.0, 100.0])) == Scale(2.0, pytest.approx(1.4826))


def test_strands_count_alike_and_those_without_a_scale_not_at_all() -> None:
    strands = {"a": np.array([1.0, 3.0]), "b": np.array([0.0, 40.0]), "c": np.array([9.0, 9.0])}
    np.testing.assert_allclose(combine(strands, {"a": Scale(1.0, 1.0), "b": Scale(0.0, 10.0)}), [0.0, 3.0])


def test_a_strand_that_never_moved_drowns_no_other() -> None:
    strands = {"a": np.array([0.0, 1.0])}
    np.testing.assert_array_equal(combine(strands, {"a": Scale(0.0, 0.0)}), [0.0, HIGHEST])


def test_a_score_fades_and_is_gone_after_the_steps_it_lasts() -> None:
    np.testing.assert_allclose(hold(np.array([10.0, 0.0, 0.0, 0.0]), 2), [10.0, 9.5, 9.025, 0.0])
    np.testing.assert_allclose(hold(np.array([10.0, 9.8, -3.0]), 2), [10.0, 9.8, 9.31])


def test_scores_are_published_to_half_a_deviation() -> None:
    np.testing.assert_array_equal(rounded(np.array([0.2, 0.3, 5.74, 5.76])), [0.0, 0.5, 5.5, 6.0])
