"""What comes again by the calendar: how far a metric may leave its level at a minute, because it did so at the same time before."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.stats import binom

from tasks.insights.detection.baselines import TrailingWindow, trailing
from tasks.insights.detection.calendar import Rhythm, rhythms
from tasks.insights.detection.windows import Matrix, Windows

LEAST_OCCURRENCES = 3
ALIKE = 0.5
"""An occurrence had at least this much of the size."""
LARGER, NOISE = 1.25, 1.0
"""What comes again may be so many times as large as the third largest before, and so many spreads larger."""
CHANCE = 0.05
"""Of as many occurrences by chance, on a host that does the same at any hour."""
CONTROL = (9 * 60, 3 * 60)
"""Minutes before the hour from and up to which it is counted how often a host does so at any time."""
BEFORE, AFTER = 15 * 60, 4 * 60
"""Minutes around an hour that a window of earlier values has to have: the control, the level before it, drift and tolerance."""


@dataclass(frozen=True)
class Earlier:
    """How far metrics were above and below their level in an earlier window, a row a metric, a column a step, in spreads.

    Attributes:
        first: the absolute number of the first column.
        rise, fall: the greatest rise and fall of each step; NaN where nothing is known.
    """

    first: int
    rise: Matrix
    fall: Matrix


@dataclass(frozen=True)
class Recurrence:
    """What comes again at a step: each `every`, in `times` of the last `of`. No step has more than one."""

    every: str
    times: int
    of: int


def excursions(standard: Matrix, first: int, windows: Windows) -> Earlier:
    """Of standardised values."""
    off = standard - level_of(standard, first, windows)
    return Earlier(first, off, -off)


def level_of(standard: Matrix, first: int, windows: Windows) -> Matrix:
    """The median of the hours before each step."""
    level, _ = trailing(standard, first, 0, TrailingWindow(windows.shorter, windows.shorter_block), is_spread_wanted=False)
    return level


@dataclass(frozen=True)
class _Widened:
    """Of an earlier window the greatest within a tolerance of each step, rises and falls one below the other. At its edges steps
    are left out that looked at less than others, so that a step has one answer, whichever window it lies in."""

    first: int
    reach: Matrix


class Memory:
    """The earlier windows of a host, widened by each tolerance once."""

    def __init__(self, earlier: Iterable[Earlier], windows: Windows) -> None:
        self._windows = windows
        self._earlier = tuple(earlier)
        self._widened: dict[int, list[_Widened]] = {}

    def at(self, step: int, count: int, tolerance: int) -> Matrix | None:
        """Of `count` steps from `step` on the greatest rises and falls within the tolerance; None if they are not known."""
        for window in self._of(tolerance):
            column = step - window.first
            part = window.reach[:, max(column, 0) : column + count]
            if column >= 0 and part.shape[1] == count and not np.isinf(part).all():
                return part
        return None

    def _of(self, tolerance: int) -> list[_Widened]:
        if tolerance not in self._widened:
            reach = max(tolerance // self._windows.step, 1)
            self._widened[tolerance] = [_widen(each, reach, self._windows) for each in self._earlier]
        return self._widened[tolerance]


def _widen(earlier: Earlier, reach: int, windows: Windows) -> _Widened:
    stacked = np.concatenate([earlier.rise, earlier.fall])
    widest = maximum_filter1d(np.where(np.isnan(stacked), -np.inf, stacked), 2 * reach + 1, axis=1, mode="nearest")
    start = windows.shorter + windows.shorter_block + reach
    return _Widened(earlier.first + start, widest[:, start : max(widest.shape[1] - reach, start)])


def forgive(off: Matrix, memory: Memory, hour: int, windows: Windows) -> tuple[Matrix, NDArray[Any]]:
    """What is left of deviations from the level in an hour, when what comes again is taken off.

    Args:
        off: a row a metric, a column a step of the hour, in spreads.
        hour: its first minute since the epoch.

    Returns:
        What is left, and of each metric and step the recurrence that most was taken off by, or None.
    """
    sizes = np.concatenate([off, -off])
    left, reasons = np.maximum(sizes, 0.0), np.full(sizes.shape, None, dtype=object)
    for rhythm in rhythms(hour):
        for tolerance in rhythm.tolerances:
            _try(sizes, left, reasons, memory, hour, rhythm, tolerance, windows)
    metrics = len(off)
    is_rise = off > 0
    remaining = np.where(is_rise, left[:metrics], -left[metrics:])
    return np.where(np.isnan(off), np.nan, remaining), np.where(is_rise, reasons[:metrics], reasons[metrics:])


def _try(
    sizes: Matrix, left: Matrix, reasons: NDArray[Any], memory: Memory, hour: int, rhythm: Rhythm, tolerance: int, windows: Windows
) -> None:
    """Take off what comes again in this rhythm, where that takes off more than others did, or as much and came more often."""
    step, count = hour // windows.step, sizes.shape[1]
    reached, control = [], []
    for ago in rhythm.ago:
        there = memory.at(step - ago // windows.step, count, tolerance)
        if there is None:
            continue
        reached.append(there)
        lengths = [each // windows.step for each in CONTROL]
        beside = memory.at(step - ago // windows.step - lengths[0], lengths[0] - lengths[1], tolerance)
        if beside is not None:
            control.append(beside[:, :: max(tolerance // windows.step, 1)])
    if len(reached) < LEAST_OCCURRENCES or not control:
        return
    stacked = np.stack(reached)
    allowed, times, of = _allowed(sizes, stacked, np.concatenate(control, axis=1))
    rest = np.maximum(sizes - allowed, 0.0)
    is_known = (allowed > 0) & (sizes > NOISE)
    for row, column in zip(*np.nonzero(is_known & (rest <= left)), strict=True):
        found, known = Recurrence(rhythm.every, int(times[row, column]), int(of[row, column])), reasons[row, column]
        if known is None or rest[row, column] < left[row, column] or found.times > known.times:
            left[row, column], reasons[row, column] = rest[row, column], found


def _allowed(sizes: Matrix, reached: Matrix, control: Matrix) -> tuple[Matrix, NDArray[np.int64], NDArray[np.int64]]:
    """How large each may be as it comes again, 0 where it does not or might by chance; how often it came, of how many."""
    is_known = ~np.isinf(reached)
    least = ALIKE * sizes
    times, of = ((reached >= least) & is_known).sum(axis=0), is_known.sum(axis=0)
    anywhere = (control[:, :, None] >= least[:, None, :]).mean(axis=1)
    is_real = (times >= LEAST_OCCURRENCES) & (binom.sf(times - 1, of, anywhere) <= CHANCE)
    third = np.sort(reached, axis=0)[-LEAST_OCCURRENCES]
    return np.where(is_real, LARGER * third + NOISE, 0.0), times, of
