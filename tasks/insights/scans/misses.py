"""How likely a run misses a limit, from how long earlier ones took and, where it has not been requested yet, when they were."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.insights.scans.durations import Survival
from tasks.insights.statistics.intervals import Counts, Values

DAY_SECONDS = 86_400.0
PRIOR_SHARE, PRIOR_WEIGHT = 0.02, 50.0
"""Of runs that never get done: so often where nothing is known, which counts as so many runs."""
OWN_WEIGHT = 20.0
"""The share of all scans counts as so many runs of each."""
RESCUE_WEIGHT = 4.0


@dataclass(frozen=True)
class Past:
    """How long runs of each group take until they are done.

    Attributes:
        survival: of those that get done.
        never: the shares of those that never do, or not within anybody's patience.
    """

    survival: Survival
    never: Values

    def undone(self, groups: NDArray[np.intp], seconds: Values) -> Values:
        """The share of the groups' runs that are not done after so long (s)."""
        never = self.never[groups]
        return never + (1 - never) * self.survival.share(groups, seconds)


def never_shares(never: Counts, runs: Counts) -> Values:
    """The share of runs of each group that never get done, drawn towards that of all (mean of a Beta posterior)."""
    overall = (never.sum() + PRIOR_SHARE * PRIOR_WEIGHT) / (runs.sum() + PRIOR_WEIGHT)
    shares: Values = (never + OWN_WEIGHT * overall) / (runs + OWN_WEIGHT)
    return shares


def rescued_shares(rescued: Counts, failed: Counts) -> Values:
    """How often what failed was run again and succeeded, drawn towards how often that is so of all (mean of a Beta posterior)."""
    overall = (rescued.sum() + 1) / (failed.sum() + 2)
    shares: Values = (rescued + RESCUE_WEIGHT * overall) / (failed + RESCUE_WEIGHT)
    return shares


def miss_under_way(past: Past, groups: NDArray[np.intp], age: Values, left: Values) -> Values:
    """P(not done within `left` | not done yet), of runs requested, or begun, `age` ago (s)."""
    misses: Values = past.undone(groups, age + np.maximum(left, 0.0)) / past.undone(groups, age)
    return misses


def miss_after_failure(past: Past, groups: NDArray[np.intp], age: Values, left: Values, rescued: Values) -> Values:
    """The same where the run has failed and nothing runs: somebody or something has to start it again."""
    share = past.survival.share
    in_time = 1 - share(groups, age + np.maximum(left, 0.0)) / np.maximum(share(groups, age), np.finfo(float).tiny)
    misses: Values = 1 - rescued[groups] * in_time
    return misses


def miss_not_requested(past: Past, asked: Values, nights: Counts, now: Values) -> Values:
    """P(not done by the end of the day | not requested by `now`), one per group.

    Of the earlier days on which nothing had been requested by then either, the share that were missed; of those on which something
    was, as far as how long it takes makes it likely. What is later than it ever was is as likely missed as not.

    Args:
        asked: groups x days, when the first run was requested (s after the day began), NaN where none was.
        nights: how many days there are of each group.
        now: seconds since the day began; below 0 where it has not.
    """
    rows, places = np.nonzero(asked > np.maximum(now, 0.0)[:, None])
    missed = np.bincount(rows, past.undone(rows.astype(np.intp), DAY_SECONDS - asked[rows, places]), minlength=len(now))
    later = np.bincount(rows, minlength=len(now))
    without = nights - np.count_nonzero(~np.isnan(asked), axis=1)
    misses: Values = (missed + without + 0.5) / (later + without + 1)
    return misses
