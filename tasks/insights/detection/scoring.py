"""Scores of one host's window against the model of its history."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.insights.detection.baselines import standardise
from tasks.insights.detection.blame import Blame, blame
from tasks.insights.detection.combining import combine, hold, rounded
from tasks.insights.detection.counters import as_rates
from tasks.insights.detection.features import features
from tasks.insights.detection.forest import isolation
from tasks.insights.detection.model import FOREST, Model, deviate, strands_of
from tasks.insights.detection.thresholds import judge, thresholds, unrest
from tasks.insights.detection.windows import Flags, Matrix, Series, Windows


@dataclass(frozen=True)
class Scores:
    """A window's, an element a step.

    Attributes:
        score: in deviations of the history, to half of one; NaN where nothing was read.
        unrest: what of the threshold is for the unrest of the half day before.
        metrics: how many were read.
        level: log z-scores, a row a metric of `names`.
    """

    score: Series
    threshold: Series
    unrest: Series
    is_anomalous: Flags
    metrics: NDArray[np.int64]
    level: Matrix
    names: tuple[str, ...]
    strands: tuple[str, ...]

    def blamed(self, step: int) -> tuple[Blame, ...]:
        """The metrics that deviated most at a step, in order."""
        return blame(np.abs(self.level[:, step]).astype(np.float64), self.names)


def score(
    model: Model, values: Matrix, first: int, start: int, before: Series | None = None, expected: Matrix | None = None
) -> Scores:
    """Score a window, each step by what precedes it.

    Args:
        model: trained on steps before the window.
        values: a row a metric of `model.names`, the window and what precedes it: `model.windows.needed` steps, as far as there are.
        first: the absolute number of the first column.
        start: the column that the window starts at.
        before: the scores of the steps right before the window, for the threshold; those of the model's history if not given.
        expected: of the same shape, in spreads: what is taken off the values, because it comes again by the calendar.
    """
    windows = model.windows
    begin = max(start - windows.lead_in, 0)
    standard = standard_values(model, values)
    judged = None if expected is None else standard - expected.astype(standard.dtype)
    deviating = deviate(standard, model.baseline, windows, first, begin, judged)
    strands = strands_of(deviating)
    if model.forest is not None:
        strands[FOREST] = isolation(model.forest, features(deviating))
    count = np.count_nonzero(~np.isnan(values[:, start:]), axis=0)
    found = rounded(hold(combine(strands, model.scales), windows.held))[start - begin :]
    found[count == 0] = np.nan
    earlier = model.recent if before is None else before
    lift = unrest(earlier, found, windows.day)[len(earlier) :]
    limits = thresholds(_over(earlier, windows), found - lift, first + start, windows.day, windows.merged)
    level = deviating.level[:, start - begin :]
    is_anomalous = judge(_over(earlier, windows), found - lift, limits)
    return Scores(found, limits + lift, lift, is_anomalous, count, level, model.names, tuple(sorted(model.scales)))


def judge_again(scores: Scores, left: Series, before: Series, windows: Windows) -> Flags:
    """Where what is left of the scores is still anomalous, at the same thresholds."""
    return scores.is_anomalous & judge(_over(before, windows), left - scores.unrest, scores.threshold - scores.unrest)


def _over(before: Series, windows: Windows) -> Series:
    return before - unrest(before, before[:0], windows.day)


def standard_values(model: Model, values: Matrix) -> Matrix:
    """Values in spreads from the model's baseline, counters by their rate."""
    return standardise(as_rates(values, model.is_counter), model.baseline)
