"""When a scan will finish, if it is alive: 95 % intervals from the runs that lasted at least as long.

By order statistics where enough runs did; else by the distributions of `survival`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.insights.scans.durations import Survival
from tasks.insights.statistics.intervals import TAIL, Values

ENOUGH = 39
"""The least m with 1 / (m + 1) <= 2.5 %: so often the next value lies below the smallest of m."""
ROWS_AT_ONCE = 20_000
"""Bounds the memory: each row brings the times of its group's runs."""


@dataclass(frozen=True)
class Finish:
    """Seconds from its beginning to a scan's finish: both ends of the interval and the median; NaN where they are not known."""

    low: Values
    median: Values
    high: Values

    def where_known(self, other: "Finish") -> "Finish":
        """These, and those of `other` where these are NaN."""
        pairs = ((self.low, other.low), (self.median, other.median), (self.high, other.high))
        return Finish(*(np.where(np.isnan(mine), theirs, mine) for mine, theirs in pairs))


def finish_by_ranks(lasted: Values, took: Values, groups: NDArray[np.intp], elapsed: Values) -> Finish:
    """From the runs of the group that lasted at least `elapsed`; NaN where fewer than `ENOUGH` did.

    The next of m + 1 alike values falls between any two neighbours of the m with the same probability: below the r-th with
    r / (m + 1) (David & Nagaraja, Order Statistics, 7.3).

    Args:
        lasted: groups x runs, the time that compares with `elapsed` (s), NaN where there is none.
        took: of the same shape, from the beginning to the finish (s).
        groups, elapsed: one per scan.
    """
    slices = range(0, max(1, groups.size), ROWS_AT_ONCE)
    parts = [_by_ranks(lasted, took, groups[i : i + ROWS_AT_ONCE], elapsed[i : i + ROWS_AT_ONCE]) for i in slices]
    return Finish(*(np.concatenate(ends) for ends in zip(*parts, strict=True)))


def _by_ranks(lasted: Values, took: Values, groups: NDArray[np.intp], elapsed: Values) -> tuple[Values, Values, Values]:
    alike = lasted[groups] >= elapsed[:, None]
    m = np.count_nonzero(alike, axis=1)
    rows = np.flatnonzero(m >= ENOUGH)
    times = np.sort(np.where(alike[rows], took[groups[rows]], np.inf), axis=1)
    rank = np.floor(TAIL * (m[rows] + 1)).astype(np.intp)
    middle = (m[rows] - 1) // 2, m[rows] // 2
    at = np.arange(rows.size)
    found = times[at, rank - 1], (times[at, middle[0]] + times[at, middle[1]]) / 2, times[at, m[rows] - rank]
    low, median, high = (np.full(groups.size, np.nan) for _ in found)
    low[rows], median[rows], high[rows] = found
    return low, median, high


def running_finish(run: Survival, groups: NDArray[np.intp], elapsed: Values) -> Finish:
    """Of scans that have run for `elapsed`: quantiles of the time, given that it is longer."""
    alive = run.share(groups, elapsed)
    low, median, high = (np.maximum(elapsed, run.seconds(groups, share * alive)) for share in (1 - TAIL, 0.5, TAIL))
    return Finish(low, median, high)


def queued_finish(queue: Survival, run: Survival, groups: NDArray[np.intp], elapsed: Values) -> Finish:
    """Of scans that have waited for `elapsed`: the rest of the waiting, then the whole run.

    The interval holds whatever the two have to do with each other: it begins with a run at once, and each of the two may
    overrun its own upper end in half of the cases (Bonferroni).
    """
    waiting, whole = queue.share(groups, elapsed), np.ones(groups.size)
    waited, waited_long = (np.maximum(elapsed, queue.seconds(groups, share * waiting)) for share in (0.5, TAIL / 2))
    low, median, high = (run.seconds(groups, share * whole) for share in (1 - TAIL, 0.5, TAIL / 2))
    return Finish(elapsed + low, waited + median, waited_long + high)
