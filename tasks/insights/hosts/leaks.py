"""Whether memory leaks: it grows steadily where it is lowest, after the garbage is collected, and has not stopped growing."""

from dataclasses import dataclass

import numpy as np

from tasks.insights.hosts.growth import Growth, fit_growth
from tasks.insights.hosts.shapes import is_line
from tasks.insights.statistics.intervals import Values

HOURS = 168
"""What is looked at: a week."""
STILL = 0.5
"""The second half has to rise by at least this share of the slope of all."""
HELD = 0.5
"""Of what a container has grown by, what its host has available has to fall by at least this share."""


@dataclass(frozen=True)
class Window:
    """How far back a leak is looked for.

    Attributes:
        hours: its length.
        block: hours that one floor is the least value of. A day's floor knows no daily cycle.
        needed: floors that there must be at the least.
        growth: what it must grow by over the window at the least, whatever the chance, as a share of its median.
    """

    hours: int
    block: int
    needed: int
    growth: float


DAY = Window(hours=24, block=1, needed=20, growth=0.04)
WEEK = Window(hours=HOURS, block=24, needed=6, growth=0.05)


@dataclass(frozen=True)
class Trend:
    """The growth of memory in a window, per day, and whether it is a leak."""

    window: Window
    growth: Growth
    is_leak: bool


def find_trend(lows: Values) -> Trend | None:
    """The trend in the window that shows a leak, the short one first; without a leak, in the longest that is known.

    Args:
        lows: the least values of the last `HOURS` hours in the order of time, NaN where there is none.

    Returns:
        None where there is too little of both windows.
    """
    trends = [trend for trend in (_trend_in(lows, window) for window in (DAY, WEEK)) if trend is not None]
    leaks = [trend for trend in trends if trend.is_leak]
    return next(iter([*leaks, *trends[::-1]]), None)


def _trend_in(lows: Values, window: Window) -> Trend | None:
    blocks = lows[-window.hours :].reshape(-1, window.block)
    known = 2 * np.isfinite(blocks).sum(axis=1) >= window.block
    floors = np.where(np.isfinite(blocks), blocks, np.inf).min(axis=1)[known]
    days = np.flatnonzero(known) * window.block / 24
    growth = fit_growth(days, floors) if len(floors) >= window.needed else None
    return Trend(window, growth, _is_leak(window, days, floors, growth)) if growth else None


def _is_leak(window: Window, days: Values, floors: Values, growth: Growth) -> bool:
    level = float(np.median(floors))
    if level <= 0 or growth.low * window.hours / 24 < window.growth * level or floors[-1] < level:
        return False
    half = len(floors) // 2
    rest = _slope(days[half:], floors[half:])
    return rest >= STILL * growth.slope and is_line(floors / level)


def is_held(trend: Trend, available: Values) -> bool:
    """Whether the container holds what it has grown by: the page cache of files is in its usage too, and stays available.

    Args:
        available: what its host has available in the last `HOURS` hours in the order of time, NaN where it is not known.
    """
    window = available[-trend.window.hours :]
    known = np.flatnonzero(np.isfinite(window))
    fall = fit_growth(known / 24, window[known])
    return fall is not None and -fall.slope >= HELD * trend.growth.slope


def _slope(days: Values, floors: Values) -> float:
    """The median of the slopes between all pairs."""
    later, earlier = np.triu_indices(len(days), 1)[::-1]
    return float(np.median((floors[later] - floors[earlier]) / (days[later] - days[earlier])))
