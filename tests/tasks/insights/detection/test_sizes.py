"""Which change is of practical size."""

import numpy as np
import pytest

from tasks.insights.detection.baselines import fit_baseline
from tasks.insights.detection.sizes import MIB, practical_sizes, slight_changes


@pytest.mark.parametrize(
    ("unit", "level", "size"),
    [
        ("1", 0.9, 0.05),
        ("By", 0.0, 64 * MIB),
        ("By", 100 * 1024 * MIB, 5 * 1024 * MIB),
        ("By/s", 0.0, MIB),
        ("{cpu}", 8.0, 0.0),
        ("{thread}", 2.0, 1.0),
        ("", 1000.0, 50.0),
        ("{widget}", -1000.0, 50.0),
    ],
)
def test_by_unit_and_level(unit: str, level: float, size: float) -> None:
    assert practical_sizes([unit], np.array([level])).tolist() == [size]


def test_only_of_metrics_that_hardly_move() -> None:
    rng = np.random.default_rng(1)
    history = np.stack(
        [np.full(1000, 0.2), rng.normal(0.5, 0.1, 1000), np.full(1000, np.nan), np.r_[np.full(995, 0.2), np.full(5, 0.9)]]
    )
    assert slight_changes(["1"] * 4, history, fit_baseline(history)).tolist() == [0.05, 0.0, 0.0, 0.05]
