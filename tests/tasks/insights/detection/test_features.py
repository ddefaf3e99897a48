"""Rolling statistics by hand, and the shape of what the forest sees."""

import numpy as np

from tasks.insights.detection.features import WORSTS, derive, features, rolling
from tasks.insights.detection.windows import Windows


def test_rolling_means_and_deviations_look_back_only() -> None:
    """Of 1, 3, 5 the last two: 1; 1 and 3; 3 and 5."""
    mean, unrest = rolling(np.array([[1.0, 3.0, 5.0]]), 2)
    np.testing.assert_allclose(mean, [[1.0, 2.0, 4.0]])
    np.testing.assert_allclose(unrest, [[0.0, 1.0, 1.0]])


def test_a_row_has_seven_features_a_metric_and_a_few_of_the_host() -> None:
    level = np.random.default_rng(0).normal(size=(4, 50)).astype(np.float32)
    rows = features(derive(level, -level, Windows()))
    assert rows.shape == (50, 7 * 4 + 7 * (len(WORSTS) + 1))
    np.testing.assert_array_equal(rows[:, :4], level.T)
    np.testing.assert_allclose(rows[:, 28], np.abs(level).max(axis=0))
