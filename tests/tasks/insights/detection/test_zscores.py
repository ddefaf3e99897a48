"""Log z-scores of a few values, and the mean of the worst."""

import numpy as np

from tasks.insights.detection.zscores import FURTHEST_Z, logarithm, worst_mean


def test_the_logarithm_keeps_the_sign_and_ends_somewhere() -> None:
    found = logarithm(np.array([0.0, np.e - 1, 1 - np.e, 1e9, np.nan]))
    np.testing.assert_allclose(found, [0.0, 1.0, -1.0, np.log1p(FURTHEST_Z), np.nan])


def test_the_worst_metrics_speak_for_the_host() -> None:
    """|-6|, 3 and 3 are the three largest of the first column: 4."""
    deviating = np.array([[1.0, 0.0], [-6.0, 0.0], [3.0, 0.5], [2.0, 0.0], [3.0, -1.0]])
    np.testing.assert_allclose(worst_mean(deviating), [4.0, 0.5])


def test_one_metric_speaks_for_itself_and_none_is_silent() -> None:
    np.testing.assert_array_equal(worst_mean(np.array([[-2.0, 1.0]])), [2.0, 1.0])
    np.testing.assert_array_equal(worst_mean(np.empty((0, 2))), [0.0, 0.0])
