"""The isolation forest: how few cuts at random it takes to set a minute apart from those of the history."""

from typing import Any

import numpy as np

from tasks.insights.detection.windows import Matrix, Series

TREES = 200
SAMPLED = 2048
"""Minutes of the history that a tree sees, drawn anew for each."""


def fit_forest(rows: Matrix, seed: int) -> Any:
    """A forest fitted on rows of features. It must not see what it is to score.

    `contamination` is left alone: it is a quota, and flags its share of pure noise; the threshold is ours.
    """
    from sklearn.ensemble import IsolationForest

    return IsolationForest(n_estimators=TREES, max_samples=min(SAMPLED, len(rows)), random_state=seed).fit(rows)


def isolation(forest: Any, rows: Matrix) -> Series:
    """Of each row, from 0 to 1: the greater, the sooner it is set apart."""
    return -np.asarray(forest.score_samples(rows), dtype=np.float64)


def versions() -> dict[str, str]:
    """Of the libraries that a fitted forest depends on."""
    import sklearn

    return {"numpy": np.__version__, "scikit-learn": str(sklearn.__version__)}
