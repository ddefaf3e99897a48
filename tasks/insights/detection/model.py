"""What is learned of one host from its history, and the strands of evidence that the learned and the scored share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.insights.detection.baselines import Baseline, fit_baseline, standardise
from tasks.insights.detection.combining import Scale, combine, fit_scale, hold, rounded
from tasks.insights.detection.counters import as_rates, find_counters
from tasks.insights.detection.features import Deviations, derive, features
from tasks.insights.detection.forest import fit_forest, isolation
from tasks.insights.detection.sizes import slight_changes
from tasks.insights.detection.thresholds import RECENT_DAYS
from tasks.insights.detection.windows import Flags, Matrix, Series, Windows
from tasks.insights.detection.zscores import deviations, worst_mean

Z, RECENT, UNREST, FOREST = "z", "recent", "unrest", "forest"
"""The strands. Under a day of history there is only the first."""
LEAST_HISTORY = 60
"""Steps that were read of the history, without which a host is not judged."""
UNREST_OF = 5
"""Metrics whose unrest speaks for the host."""


@dataclass(frozen=True)
class Model:
    """What was learned of a host from its history: nothing of the window that is to be scored.

    Attributes:
        names: the metrics, in order of name, with their attributes in whatever notation the caller has.
        is_counter: of the metrics.
        scales: of the strands that speak.
        forest: None under a day of history, or where it was not asked for.
        steps: of the history, in which something was read.
        slight: of each metric that hardly moves the change that is of no practical size, in its unit; 0 of the others.
        recent: the history's last scores, which the first thresholds are found from; NaN where nothing was read.
    """

    names: tuple[str, ...]
    is_counter: Flags
    baseline: Baseline
    scales: dict[str, Scale]
    forest: Any
    windows: Windows
    seed: int
    steps: int
    slight: Series
    recent: Series


def train(
    names: Sequence[str],
    history: Matrix,
    first: int,
    seed: int,
    windows: Windows | None = None,
    is_forest_on: bool = True,
    units: Sequence[str] = (),
) -> Model | None:
    """Learn what is usual for a host.

    Args:
        names: of the metrics, a row of `history` each, in any order.
        history: a column a step, NaN where nothing was read; none of it is in a window to be scored.
        first: the absolute number of the first column (steps since the epoch).
        units: of the metrics (UCUM), as far as they are known.

    Returns:
        None where fewer than `LEAST_HISTORY` steps were read.
    """
    windows, order = windows or Windows(), np.argsort(np.array(names, dtype=str))
    read = np.flatnonzero(~np.isnan(history).all(axis=0))
    if len(read) < LEAST_HISTORY:
        return None
    is_counter = find_counters(history[order])
    values = as_rates(history[order], is_counter)
    baseline = fit_baseline(values)
    deviating = deviate(standardise(values, baseline), baseline, windows, first, 0)
    strands, forest, recent = strands_of(deviating), None, history.shape[1] - (RECENT_DAYS + 1) * windows.day
    scales = {name: fit_scale(strand[read]) for name, strand in strands.items()}
    if len(read) < windows.day:
        scales = {Z: scales[Z]}
    elif is_forest_on:
        forest, strands[FOREST], scales[FOREST] = _grow(features(deviating), read, max(recent, 0), seed)
    held = rounded(hold(combine(strands, scales), windows.held))
    held[np.isnan(history).all(axis=0)] = np.nan
    slight = slight_changes([units[row] if units else "" for row in order], values, baseline)
    names = tuple(np.array(names, dtype=str)[order].tolist())
    return Model(names, is_counter, baseline, scales, forest, windows, seed, len(read), slight, held[max(recent, 0) :])


def _grow(rows: Matrix, read: NDArray[np.int64], recent: int, seed: int) -> tuple[Any, Series, Scale]:
    """The forest, what it says of the columns from `recent` on that were read, or of all if these are few, and its scale."""
    forest = fit_forest(rows[read], seed)
    said = read[read >= recent] if np.count_nonzero(read >= recent) >= LEAST_HISTORY else read
    isolated = isolation(forest, rows[said])
    scale = fit_scale(isolated)
    strand = np.full(len(rows), scale.middle)
    strand[said] = isolated
    return forest, strand, scale


def deviate(
    standard: Matrix, baseline: Baseline, windows: Windows, first: int, begin: int, judged: Matrix | None = None
) -> Deviations:
    """Of standardised values, a column a step from the column `begin` on; of `judged`, with the levels of the others, if
    it is given."""
    return derive(*deviations(standard, baseline, windows, first, begin, judged), windows)


def strands_of(deviating: Deviations) -> dict[str, Series]:
    """All but the forest's, by name."""
    return {
        Z: worst_mean(deviating.level),
        RECENT: worst_mean(deviating.recent),
        UNREST: worst_mean(deviating.unrest, UNREST_OF),
    }
