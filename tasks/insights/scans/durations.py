"""How long scans last: for each group of them the share that is still at it after so many seconds.

The logarithm of a group's next time follows a t distribution about the mean of its latest runs. Few runs tell little of their
spread, so it is drawn towards that of all groups (Smyth, Stat. Appl. Genet. Mol. Biol. 3, 2004). What that expects is then held
against what came: where more runs than it says outlasted a share, because of outliers or changes, their share counts.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import digamma, polygamma, stdtr, stdtrit

from tasks.insights.statistics.intervals import Values

LEAST_RUNS = 5
LATEST = 30
"""Runs that tell where a scan stands. More follow a change more slowly: of 10, 20, 30 and 50 this flagged most of the dead."""
MOST_FREEDOM = 20.0
"""Of the spread of all groups: a scan's own latest runs keep the larger say."""
LEAST_SPREAD = 0.1
"""Of log times: no scan is taken to repeat itself more exactly than by 10 %, however alike its few runs were."""
LEAST_GROUPS = 3
NEVER = 1e10
"""Longer than any scan can be meant to last (s): some 300 years."""


@dataclass(frozen=True)
class Spread:
    """What the variances of the groups' log times are like: they are about `variance`, which counts as `freedom` observations."""

    variance: float
    freedom: float


@dataclass(frozen=True)
class Survival:
    """The groups' distributions; NaN for a group with fewer than `LEAST_RUNS` runs.

    Attributes:
        locations, scales, freedoms: of log(seconds + grain), of the shape of the groups.
        grain: seconds that mean nothing (s).
        past: ascending, the shares at which the runs of all groups ended, each as expected from the runs before it.
    """

    locations: Values
    scales: Values
    freedoms: Values
    grain: float
    past: Values

    def share(self, groups: NDArray[np.intp], seconds: Values) -> Values:
        """The share of runs of each group that last at least so long."""
        places = (np.log(seconds + self.grain) - self.locations[groups]) / self.scales[groups]
        expected: Values = stdtr(self.freedoms[groups], -places)
        came: Values = np.searchsorted(self.past, expected, side="right") / max(1, self.past.size)
        return np.maximum(expected, came)

    def seconds(self, groups: NDArray[np.intp], shares: Values) -> Values:
        """How long such a share of the runs lasts at least, up to `NEVER` (s): the inverse of `share`."""
        if self.past.size:
            ranks = np.clip(np.nan_to_num(shares) * self.past.size, 0, self.past.size - 1).astype(np.intp)
            shares = np.minimum(shares, self.past[ranks])
        logs: Values = self.locations[groups] - stdtrit(self.freedoms[groups], shares) * self.scales[groups]
        return np.maximum(np.exp(np.minimum(logs, np.log(NEVER))) - self.grain, 0.0)


def padded(lists: pl.Series) -> Values:
    """Lists of numbers as the rows of a matrix, NaN after their ends; at least one column."""
    lengths = lists.list.len().fill_null(0).to_numpy()
    matrix = np.full((len(lists), max(1, int(lengths.max()) if len(lists) else 1)), np.nan)
    values = lists.explode(empty_as_null=False, keep_nulls=False)
    matrix[np.arange(matrix.shape[1]) < lengths[:, None]] = values.cast(pl.Float64).to_numpy()
    return matrix


def fit_survival(seconds: Values, grain: float) -> Survival:
    """The distributions behind the groups' times.

    Args:
        seconds: groups x runs, the newest last and NaN after it (s).
        grain: seconds that mean nothing, added to every time (s).
    """
    logs = np.log(seconds + grain)
    counts = np.count_nonzero(~np.isnan(logs), axis=1)
    n, means, variances = _moments(logs)
    last = np.arange(counts.size), counts
    spread = fit_spread(variances[last][counts >= LEAST_RUNS], n[counts][counts >= LEAST_RUNS] - 1)
    with np.errstate(invalid="ignore", divide="ignore"):  # of the first runs, with none before them
        freedoms = spread.freedom + n - 1
        scales = np.sqrt((spread.freedom * spread.variance + (n - 1) * variances) / freedoms * (1 + 1 / n))
        places = (logs - means[:, :-1]) / scales[:, :-1]
    expected = stdtr(freedoms[:-1], -places)[:, LEAST_RUNS:]
    is_known = counts >= LEAST_RUNS
    location, scale, freedom = (np.where(is_known, values, np.nan) for values in (means[last], scales[last], freedoms[counts]))
    return Survival(location, scale, freedom, grain, np.sort(expected[~np.isnan(expected)]))


def _moments(logs: Values) -> tuple[Values, Values, Values]:
    """Count, mean and variance of the `LATEST` runs before each run, and in a last column of the latest of all."""
    filled = np.nan_to_num(logs)
    ends = np.arange(logs.shape[1] + 1)
    starts = np.maximum(0, ends - LATEST)
    n = (ends - starts).astype(np.float64)
    sums, squares = (np.pad(np.cumsum(filled**power, axis=1), ((0, 0), (1, 0))) for power in (1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):  # of none or one
        means = (sums[:, ends] - sums[:, starts]) / n
        variances = (squares[:, ends] - squares[:, starts] - n * means**2) / (n - 1)
    return n, means, np.maximum(variances, LEAST_SPREAD**2)


def fit_spread(variances: Values, freedoms: Values) -> Spread:
    """Of what distribution the variances are (Smyth 2004, 6.2); worth nothing under 3 groups, where it cannot be known.

    Args:
        variances: one per group, positive, each with as many degrees of freedom as `freedoms` says.
    """
    if variances.size < LEAST_GROUPS:
        return Spread(1.0, 0.0)
    deviations = np.log(variances) - digamma(freedoms / 2) + np.log(freedoms / 2)
    beyond_chance = np.var(deviations, ddof=1) - np.mean(polygamma(1, freedoms / 2))
    freedom = min(MOST_FREEDOM, 2 * _trigamma_inverse(beyond_chance)) if beyond_chance > 0 else MOST_FREEDOM
    return Spread(float(np.exp(np.mean(deviations) + digamma(freedom / 2) - np.log(freedom / 2))), freedom)


def _trigamma_inverse(value: float) -> float:
    """Newton's method on 1 / trigamma, which is convex and nearly linear (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(30):
        trigamma = float(polygamma(1, x))
        x += trigamma * (1 - trigamma / value) / float(polygamma(2, x))
    return x
