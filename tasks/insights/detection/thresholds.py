"""From which score on a minute is anomalous: by episodes a day on recent scores, and never below a floor."""

import numpy as np

from tasks.insights.detection.windows import Flags, Series

FLOOR = 4.5
"""In deviations of the history, of the mean of the strands, over the host's unrest. Below it nothing is anomalous."""
OF_UNREST, MOST = 0.8, 30.0
"""How much of the mean score of the last half day a score has to surpass, and what counts of a score there at most: a host that is
restless for hours has to do more to be anomalous."""
EPISODES_A_DAY = 3.0
"""Of the recent scores, as many episodes a day are borne; the threshold rises until there are no more."""
RECENT_DAYS = 5
LASTING, AMONG = 2, 3
"""A step is anomalous where so many of so many last ones, itself among them, reach the threshold."""
TRIED = 400
"""Levels that are tried, the highest first."""


def unrest(before: Series, scores: Series, steps_a_day: int) -> Series:
    """`OF_UNREST` of the mean score of the half day up to each step, of `before` and of `scores`; of a quarter of it at least."""
    known = np.concatenate([before, scores])
    sums = np.cumsum(np.concatenate([[0.0], np.nan_to_num(np.minimum(known, MOST))]))
    counts = np.cumsum(np.concatenate([[0], ~np.isnan(known)]))
    ends, span = np.arange(1, len(known) + 1), max(steps_a_day // 2, 1)
    starts = np.maximum(ends - span, 0)
    means: Series = (sums[ends] - sums[starts]) / np.maximum(counts[ends] - counts[starts], span / 4)
    return OF_UNREST * means


def count_episodes(is_above: Flags, merged: int) -> int:
    """How many episodes there are, where those at most `merged` steps apart are one."""
    at = np.flatnonzero(is_above)
    return int(np.count_nonzero(np.diff(at) > merged)) + bool(len(at))


def find_threshold(
    recent: Series, steps_a_day: int, merged: int, floor: float = FLOOR, episodes_a_day: float = EPISODES_A_DAY
) -> float:
    """The lowest level from which on the recent scores had no more than so many episodes a day, but not below the floor.

    Args:
        recent: scores before those to be judged; NaN is none.
    """
    known = np.where(np.isnan(recent), -np.inf, recent)
    most = episodes_a_day * np.count_nonzero(~np.isnan(recent)) / steps_a_day
    levels = np.unique(known[known >= floor])[::-1]
    lowest = floor if not len(levels) else float(levels[0]) + 1.0
    for level in levels[:: max(len(levels) // TRIED, 1)]:
        if count_episodes(known >= level, merged) > most:
            return lowest
        lowest = float(level)
    return floor


def thresholds(before: Series, scores: Series, first: int, steps_a_day: int, merged: int) -> Series:
    """The threshold of each step, found anew at every day's start from the days before it.

    Args:
        before: the scores that precede `scores`; what lies further back than `RECENT_DAYS` does not matter.
        first: the absolute number of the first step of `scores`; days start at multiples of `steps_a_day`.
    """
    known = np.concatenate([before, scores])
    found = np.empty(len(scores))
    at = 0
    while at < len(scores):
        day = at - (first + at) % steps_a_day
        end = min(day + steps_a_day, len(scores))
        upto = max(len(before) + day, 0)
        found[at:end] = find_threshold(known[max(upto - RECENT_DAYS * steps_a_day, 0) : upto], steps_a_day, merged)
        at = end
    return found


def judge(before: Series, scores: Series, limits: Series) -> Flags:
    """Where `LASTING` of the last `AMONG` scores reach the threshold, and the step's own does.

    Args:
        before: the scores that precede `scores`; they are held against the first of the limits.
    """
    earlier = before[-(AMONG - 1) :] >= limits[:1]
    reaches = np.concatenate([earlier, scores >= limits])
    counts = np.cumsum(reaches)
    counts[AMONG:] = counts[AMONG:] - counts[:-AMONG]
    lasting: Flags = ((counts >= LASTING) & reaches)[len(earlier) :]
    return lasting
