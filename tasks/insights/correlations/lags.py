"""Correlation of the innovations of two series at each lag, how unlikely the greatest is by chance, and at which lag it begins."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import ndtr

from tasks.insights.correlations.innovations import Innovations
from tasks.insights.statistics.intervals import Counts, Values, Z

FURTHEST = 30
"""Minutes by which one may lead the other."""
LAGS = np.arange(-FURTHEST, FURTHEST + 1)
MINUTES_NEEDED = 360
"""Six hours in which both are known."""
STRETCH = 20
"""Minutes: longer than the autoregression takes to get used to a new level."""
BEGINS = 0.75
"""Nothing correlates before the true lag, but after it what the autoregressions left: the lag is the first with so much of the
greatest correlation. Chance seldom reaches it, for with hundreds of pairs what is reported is five standard errors high."""
BLOCK = 60
"""Minutes, of which a series has a whole number of times so many."""
ONE_THREAD = 60_000
"""Multiplications of one matrix with another; OpenBLAS takes two threads from 65,536 on."""
LARGEST = 1 - 1e-12
NOTHING = 1e-6
"""What rounding leaves of a sum of squares."""

Spectra = NDArray[np.complex128]


class Links(NamedTuple):
    """Of shape (first series, second series).

    Attributes:
        lag: minutes by which the first leads; negative where the second does.
        p_value: two-sided, of no correlation at any lag; NaN where too few minutes are known of both.
    """

    lag: Counts
    p_value: Values


class Correlation(NamedTuple):
    """One correlation with its 95 % interval.

    Attributes:
        n: the minutes that it is of.
        stretches: how many stretches of time carry it: 1 if one does, all if they do alike (the inverse of Simpson's index).
    """

    value: float
    low: float
    high: float
    n: int
    stretches: float


def link(first: Innovations, second: Innovations) -> Links:
    """Lag and p-value of each pair.

    At each lag the sum of the products is divided by the root of the sum of their squares, which needs neither normal values nor a
    variance that stays the same: load that scatters more by day in both series is no correlation. No tail of such a sum is
    thicker than the normal one where signs are symmetric (Efron, JASA 64, 1969). What repeats itself in both counts less. The
    p-value is corrected for the lags (Sidak, JASA 62, 1967).
    """
    n = np.rint(_products(first.known, second.known))
    is_enough = n >= MINUTES_NEEDED
    sums = np.where(is_enough, np.abs(_products(first.values, second.values)), 0.0)
    squares = _products(np.square(first.values), np.square(second.values))
    is_shared = squares > NOTHING
    scatter = np.sqrt(np.where(is_shared, squares, 1.0) * _repetition(first.values, second.values))
    greatest = np.where(is_shared, sums / scatter, 0.0).max(axis=0)
    tail = -np.expm1(len(LAGS) * np.log1p(-np.minimum(2 * ndtr(-greatest), LARGEST)))
    height = sums / np.sqrt(np.maximum(n, 1))
    return Links(_first_high(height), np.where(is_enough[FURTHEST], tail, np.nan))


def correlate(first: Innovations, second: Innovations, lag: int) -> Correlation:
    """The correlation of two series, each of shape (1, minutes), at one lag.

    The interval is that of Fisher's z, with the standard error that holds without normality (from the influence of each minute).
    """
    first_part, second_part = _shifted(first.values[0], second.values[0], lag)
    known = np.multiply(*_shifted(first.known[0], second.known[0], lag)) > 0
    u, v = (each[known] - each[known].mean() for each in (first_part, second_part))
    u, v = (each / np.sqrt(np.mean(each**2)) for each in (u, v))
    r = float(np.clip(np.mean(u * v), -LARGEST, LARGEST))
    error = float(np.sqrt(np.mean((u * v - r * (u**2 + v**2) / 2) ** 2) / len(u))) / (1 - r * r)
    low, high = np.tanh(np.arctanh(r) + Z * error * np.array([-1, 1]))
    sums = np.add.reduceat(first_part * second_part, np.arange(0, len(first_part), STRETCH))
    return Correlation(r, float(low), float(high), len(u), float(sums.sum() ** 2 / max(np.sum(sums**2), NOTHING)))


def _products(first: Values, second: Values) -> Values:
    """Sums over the minutes of the products of each of the first with each of the second so many minutes later, by lag.

    Block by block of the first through its spectrum, with the block of the second around it: that takes a tenth of the arithmetic.

    Returns:
        of shape (lags, first, second), right to rounding.
    """
    blocks = first.reshape(len(first), first.shape[1] // BLOCK, BLOCK)
    around = sliding_window_view(np.pad(second, ((0, 0), (FURTHEST, FURTHEST))), BLOCK + 2 * FURTHEST, axis=1)[:, ::BLOCK]
    one, other = np.fft.rfft(blocks, n=BLOCK + 2 * FURTHEST), np.fft.rfft(around)
    products = _matrices(one.conj().transpose(2, 0, 1), other.transpose(2, 1, 0))
    sums: Values = np.fft.irfft(products, n=BLOCK + 2 * FURTHEST, axis=0)[: len(LAGS)]
    return sums


def _repetition(first: Values, second: Values) -> Values:
    """How many times the variance of a sum of products is that of independent minutes, by what each series resembles itself at
    any distance (Bartlett, JRSS Supplement 8, 1946); at least 1. A job every 51 minutes happens 28 times a day, however long it
    takes."""
    minutes = first.shape[1]
    weight = 2 * (1 - np.arange(1, minutes // 2) / minutes)
    times: Values = np.maximum(1 + np.einsum("ik,jk->ij", _resemblance(first) * weight, _resemblance(second)), 1)
    return times


def _resemblance(values: Values) -> Values:
    """The autocorrelation at the distances of 1 minute to half of all; 0 where nothing is known."""
    minutes = values.shape[1]
    power = np.abs(np.fft.rfft(values, n=2 * minutes)) ** 2
    sums = np.fft.irfft(power)
    alike: Values = sums[:, 1 : minutes // 2] / np.maximum(sums[:, :1], NOTHING)
    return alike


def _matrices(one: Spectra, other: Spectra) -> Spectra:
    """The product of each matrix of a stack with the other's, in parts so small that the library leaves them to one thread: several
    wait for each other for longer than they compute."""
    rows = max(1, ONE_THREAD // (other.shape[1] * max(1, other.shape[2])))
    parts = [one[:, start : start + rows] @ other for start in range(0, max(1, one.shape[1]), rows)]
    return np.concatenate(parts, axis=1)


def _shifted(first: Values, second: Values, lag: int) -> tuple[Values, Values]:
    minutes = first.shape[-1]
    return first[..., max(0, -lag) : minutes - max(0, lag)], second[..., max(0, lag) : minutes - max(0, -lag)]


def _first_high(height: Values) -> Counts:
    """Going out from no lag on the side of the greatest, the first that is nearly as high."""
    outward = np.argsort(np.abs(LAGS), kind="stable")
    ordered = LAGS[outward]
    highest = ordered[np.argmax(height[outward], axis=0)]
    is_that_side = ordered[:, None, None] * highest >= 0
    is_high = (height[outward] >= BEGINS * height.max(axis=0)) & is_that_side
    first: Counts = ordered[np.argmax(is_high, axis=0)]
    return first
