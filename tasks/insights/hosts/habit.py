"""Whether a filesystem is emptied by habit before it is full: by the calendar, or whenever it reaches a level.

People who empty it by hand, when they are warned, keep no such time: their falls are not of a habit, and the next warning comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tasks.insights.statistics.intervals import Values

LEAST_FALL = 0.05
"""Of its size: less is no emptying."""
LEAST_SHARE = 0.5
"""Nor is what takes less than this of what has grown since the last one."""
SHORT_DAYS = 10.5
"""What comes again sooner shows at least twice in the days by which growth is measured, and is none there."""
STRAY_DAYS, STRAY_SHARE = 1.5, 0.1
"""How much the times between emptyings of a schedule may differ from their median: days, or a share of it if that is more."""
CALENDAR = ((27.5, 31.5), (89.0, 92.5))
"""The length of a month and of a quarter (days): where there is one time only, it has to be a schedule's."""
RECENT_DAYS, PACE_DAYS = 3, 6
"""The peaks of so many days tell where it stands; of how fast it grows now, more than so many."""
LEVEL_SPREAD, LEVEL_FALLS, LEVEL_MOST = 0.03, 3, 0.97
"""Emptied so many times within this of one level, and below that: something does it whenever the level is reached."""


@dataclass(frozen=True)
class Fall:
    """An emptying.

    Attributes:
        day: its place in the days looked at.
        peak, floor: the levels before and after it, shares of the size.
    """

    day: int
    peak: float
    floor: float


def find_falls(levels: Values) -> list[Fall]:
    """The emptyings in daily levels in the order of time, NaN where one is not known: the level falls, and stays low."""
    known = np.flatnonzero(np.isfinite(levels))
    values = levels[known]
    falls: list[Fall] = []
    lowest, place = np.inf, 1
    while place < len(values):
        lowest = min(lowest, float(values[place - 1]))
        peak, after = float(values[max(0, place - 2) : place].max()), float(np.median(values[place : place + 3]))
        fall = peak - after
        if fall >= max(LEAST_FALL, LEAST_SHARE * (peak - lowest)) and values[place] < peak - fall / 2:
            falls.append(Fall(int(known[place]), peak, after))
            lowest, place = after, place + 2  # the day on which it fell belongs to neither
        place += 1
    return falls


def is_emptied_before(levels: Values, highs: Values) -> bool:
    """Whether what has emptied it so far is due before it is full.

    Args:
        levels, highs: the mean and the highest level of each day in the order of time, the last one today; NaN where not known.
    """
    falls = find_falls(levels)
    if not falls:
        return False
    since = len(levels) - 1 - falls[-1].day
    recent = highs[max(falls[-1].day + 1, len(highs) - RECENT_DAYS) :]
    # Of the day on which it falls neither the level nor the floor is known yet.
    level = float(np.nanmedian(recent)) if np.isfinite(recent).any() else min(fall.floor for fall in falls)
    grown = float(np.nanmean(levels[-RECENT_DAYS:])) - falls[-1].floor if since > PACE_DAYS else 0.0
    period = _period(falls)
    return level < 1 and (_in_time(falls, period, since, level, grown / max(since, 1)) if period else _by_level(falls, level))


def _period(falls: Sequence[Fall]) -> float | None:
    """The days from one emptying to the next, where they come at even times."""
    gaps = np.diff([fall.day for fall in falls])
    if not len(gaps):
        return None
    usual = float(np.median(gaps))
    is_even = np.abs(gaps - usual).max() <= _stray(usual) and (len(gaps) > 1 or _of_calendar(usual))
    return usual if is_even and usual >= SHORT_DAYS else None


def _stray(period: float) -> float:
    return max(STRAY_DAYS, STRAY_SHARE * period)


def _in_time(falls: Sequence[Fall], period: float, since: int, level: float, pace_now: float) -> bool:
    """Whether the next emptying is not overdue, and comes in time even at the fastest pace known."""
    paces = [(later.peak - earlier.floor) / (later.day - earlier.day) for earlier, later in pairwise(falls)]
    pace = max(*paces, pace_now)
    return since <= period + _stray(period) and level + pace * max(0.0, period + STRAY_DAYS - since) < 1


def _of_calendar(days: float) -> bool:
    return any(low <= days <= high for low, high in CALENDAR) or abs(days / 7 - round(days / 7)) * 7 <= 0.5


def _by_level(falls: Sequence[Fall], level: float) -> bool:
    peaks = [fall.peak for fall in falls]
    if len(peaks) < LEVEL_FALLS or max(peaks) - min(peaks) > LEVEL_SPREAD or max(peaks) > LEVEL_MOST:
        return False
    return level <= max(peaks) + LEVEL_SPREAD
