"""What is new in each minute of a series: nothing that its own past, or the time of the hour, would have told.

Two series that have nothing to do with each other correlate as soon as both drift or swing; their innovations do not (Haugh,
JASA 71, 1976). So each series is differenced, and freed of what it does at that minute of every hour, of what an autoregression
foresees, and of what drift that leaves.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.insights.statistics.intervals import Values

HOUR = 60
ORDER = 15
"""Minutes back that the autoregression looks. Of a level that scatters about a constant it makes the distance from the mean of the
last ORDER + 1 minutes."""
CLIPPED = 0.005
"""Share of the changes at each end that count as those next to them."""
CHANGES_NEEDED = 60
"""Minutes in which a series changes; what hardly ever does tells nothing of its minutes."""
STANDS_OUT = 5.0
"""Standard errors of a median, beyond which it is no chance of any of 60 minutes."""
FORESEEN = 1e-8
"""A share of the variance that is rounding: the series is a formula."""
RIDGE = 1e-9
Flags = NDArray[np.bool_]


class Innovations(NamedTuple):
    """Of shape (series, minutes).

    Attributes:
        values: of mean 0 and variance 1 over the known minutes, and 0 in the others.
        known: 1.0 where there is one; nowhere in a series that hardly changes or is a formula.
    """

    values: Values
    known: Values


def innovations(levels: Values) -> Innovations:
    """The innovations of series by the minute.

    Args:
        levels: of shape (series, minutes), whole hours of them, NaN where nothing is known.
    """
    changes = np.diff(levels, axis=1, prepend=np.nan)
    is_known = np.isfinite(changes)
    is_lively = (is_known & (changes != 0)).sum(axis=1, keepdims=True) >= CHANGES_NEEDED
    bridged = np.diff(_bridged(levels), axis=1, prepend=np.nan)
    steady = _clipped(bridged - hourly_jobs(bridged))
    fresh = steady - foreseen(steady)
    rest = without_drift(fresh - hour_pattern(fresh))
    return _standardised(rest, steady, is_known & is_lively & np.isfinite(rest))


def hour_pattern(changes: Values) -> Values:
    """The median of each minute of the hour, at every minute."""
    by_minute = changes.reshape(len(changes), changes.shape[1] // HOUR, HOUR)
    return np.tile(_median(by_minute), by_minute.shape[1])


def hourly_jobs(changes: Values) -> Values:
    """The pattern where it stands out: jobs that start each hour, or every 5, 10, 15 minutes. They would rule the autoregression;
    and a pattern that is chance, taken off the changes, would make one."""
    pattern = hour_pattern(changes)
    scatter = _median(np.abs(changes)[:, :, None]) * 1.4826
    error = scatter * np.sqrt(np.pi / 2 * HOUR / changes.shape[1])
    jobs: Values = np.where(np.abs(pattern) > STANDS_OUT * error, pattern, 0.0)
    return jobs


def without_drift(fresh: Values) -> Values:
    """Less the mean of the hour around each minute on either side: what an autoregression leaves of a daily cycle."""
    filled, known = np.nan_to_num(fresh), np.isfinite(fresh).astype(float)
    sums, n = (_around(each) for each in (filled, known))
    level: Values = fresh - sums / np.maximum(n, 1)
    return level


def _around(values: Values) -> Values:
    total = np.cumsum(np.pad(values, ((0, 0), (HOUR + 1, HOUR)), mode="constant"), axis=1)
    sums: Values = total[:, 2 * HOUR + 1 :] - total[:, : -2 * HOUR - 1]
    return sums


def foreseen(changes: Values) -> Values:
    """What an autoregression by least squares makes of the ORDER changes before each; NaN where not all of them are known."""
    known = np.isfinite(changes)
    filled = np.where(known, changes, 0.0)
    past = _past(filled)
    is_whole = _past(known.astype(float)).all(axis=1)
    seen = past * (known & is_whole)[:, None]
    squares = seen @ past.swapaxes(1, 2)
    size = np.trace(squares, axis1=1, axis2=2)[:, None, None]
    ridged = squares + np.eye(ORDER) * np.where(size > 0, RIDGE * size, 1.0)
    weights = np.linalg.solve(ridged, seen @ filled[:, :, None])
    forecast: Values = np.where(is_whole, (weights.swapaxes(1, 2) @ past)[:, 0], np.nan)
    return forecast


def _past(changes: Values) -> Values:
    """The ORDER values before each, of shape (series, ORDER, minutes); 0 before the first."""
    padded = np.pad(changes, ((0, 0), (ORDER, 0)))
    return np.stack([padded[:, ORDER - back : -back] for back in range(1, ORDER + 1)], axis=1)


def _bridged(levels: Values) -> Values:
    """A single missing minute as the mean of those beside it, for what looks back on it; it stays unknown itself."""
    around = np.pad(levels, ((0, 0), (1, 1)), constant_values=np.nan)
    bridged: Values = np.where(np.isfinite(levels), levels, (around[:, :-2] + around[:, 2:]) / 2)
    return bridged


def _clipped(changes: Values) -> Values:
    """Less their mean, with the greatest and least drawn in, so that single bursts rule neither autoregression nor correlations."""
    ordered = np.sort(changes, axis=1)
    n = np.isfinite(changes).sum(axis=1)
    cut = np.floor(CLIPPED * n).astype(np.int64)
    rows = np.arange(len(changes))
    low, high = ordered[rows, cut], ordered[rows, np.maximum(n - 1 - cut, 0)]
    clipped = np.clip(changes, low[:, None], high[:, None])
    mean = np.nansum(clipped, axis=1, keepdims=True) / np.maximum(n, 1)[:, None]
    centred: Values = clipped - mean
    return centred


def _standardised(fresh: Values, changes: Values, is_known: Flags) -> Innovations:
    known = is_known.astype(float)
    n = np.maximum(known.sum(axis=1, keepdims=True), 1)
    filled = np.where(is_known, fresh, 0.0)
    centred = (filled - filled.sum(axis=1, keepdims=True) / n) * known
    variance = (centred**2).sum(axis=1, keepdims=True) / n
    usual = (np.where(is_known, changes, 0.0) ** 2).sum(axis=1, keepdims=True) / n
    is_random = variance > FORESEEN * usual
    return Innovations(np.where(is_random, centred / np.sqrt(np.where(is_random, variance, 1.0)), 0.0), known * is_random)


def _median(by_minute: Values) -> Values:
    """Over the hours, without the unknown ones; 0 where all are."""
    n = np.isfinite(by_minute).sum(axis=1)
    ordered = np.sort(by_minute, axis=1)
    low, high = (np.take_along_axis(ordered, np.maximum(at, 0)[:, None], axis=1)[:, 0] for at in ((n - 1) // 2, n // 2))
    median: Values = np.where(n > 0, (low + np.where(n > 0, high, low)) / 2, 0.0)
    return median
