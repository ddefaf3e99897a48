"""What is learned of one host from its history, and the strands of evidence that the learned and the scored share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.insights.anomalies.baselines import Baseline, fit_baseline, standardise
from tasks.insights.anomalies.combining import Scale, combine, fit_scale, hold, rounded
from tasks.insights.anomalies.features import Deviations, derive, features
from tasks.insights.anomalies.forest import fit_forest, isolation
from tasks.insights.anomalies.thresholds import RECENT_DAYS
from tasks.insights.anomalies.windows import Matrix, Series, Windows
from tasks.insights.anomalies.zscores import deviations, worst_mean

Z, RECENT, UNREST, FOREST = "z", "recent", "unrest", "forest"
"""The strands. Under a day of history there is only the first."""
LEAST_HISTORY = 60
"""Steps of history without which a host is not judged."""
UNREST_OF = 5
"""Metrics whose unrest speaks for the host."""


@dataclass(frozen=True)
class Model:
    """What was learned of a host from its history: nothing of the window that is to be scored.

    Attributes:
        names: the metrics, in order of name, with their attributes in whatever notation the caller has.
        scales: of the strands that speak.
        forest: None under a day of history, or where it was not asked for.
        steps: length of the history.
        recent: the history's last scores, which the first thresholds are found from.
    """

    names: tuple[str, ...]
    baseline: Baseline
    scales: dict[str, Scale]
    forest: Any
    windows: Windows
    seed: int
    steps: int
    recent: Series


def train(
    names: Sequence[str], history: Matrix, first: int, seed: int, windows: Windows | None = None, is_forest_on: bool = True
) -> Model | None:
    """Learn what is usual for a host.

    Args:
        names: of the metrics, a row of `history` each, in any order.
        history: a column a step, NaN where nothing was read; none of it is in a window to be scored.
        first: the absolute number of the first column (minutes since the epoch).

    Returns:
        None where the history is shorter than `LEAST_HISTORY`.
    """
    windows, order, steps = windows or Windows(), np.argsort(np.array(names, dtype=str)), history.shape[1]
    if steps < LEAST_HISTORY or not len(names):
        return None
    baseline = fit_baseline(history[order])
    deviating = deviate(standardise(history[order], baseline), baseline, windows, first, 0)
    strands, forest = strands_of(deviating), None
    if steps < windows.day:
        strands = {Z: strands[Z]}
    elif is_forest_on:
        rows = features(deviating)
        forest = fit_forest(rows, seed)
        strands[FOREST] = isolation(forest, rows[-(RECENT_DAYS + 1) * windows.day :])
    scales = {name: fit_scale(strand) for name, strand in strands.items()}
    last = {name: strand[-(RECENT_DAYS + 1) * windows.day :] for name, strand in strands.items()}
    held = rounded(hold(combine(last, scales), windows.held))
    return Model(tuple(np.array(names, dtype=str)[order].tolist()), baseline, scales, forest, windows, seed, steps, held)


def deviate(standard: Matrix, baseline: Baseline, windows: Windows, first: int, begin: int) -> Deviations:
    """Of standardised values, a column a step from the column `begin` on."""
    return derive(*deviations(standard, baseline, windows, first, begin), windows)


def strands_of(deviating: Deviations) -> dict[str, Series]:
    """All but the forest's, by name."""
    return {
        Z: worst_mean(deviating.level),
        RECENT: worst_mean(deviating.recent),
        UNREST: worst_mean(deviating.unrest, UNREST_OF),
    }
