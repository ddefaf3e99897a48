"""Counters: what only rises, but for resets, says something by its rate alone."""

import numpy as np

from tasks.insights.detection.windows import Flags, Matrix

LEAST_READINGS = 60
LEAST_RISES, MOST_RESETS = 0.5, 0.01
"""Shares of the differences between readings."""
RESET = 0.5
"""A reset leaves less than this of what was counted."""


def find_counters(history: Matrix) -> Flags:
    """Which rows are counters: at least half of their readings are above the one before, and the few below are resets."""
    return np.array([_is_counter(row[~np.isnan(row)]) for row in history], dtype=np.bool_)


def as_rates(values: Matrix, is_counter: Flags) -> Matrix:
    """The values, of counters how much they rose a step since the reading before; NaN at the first reading and at a reset."""
    if not is_counter.any():
        return values
    rates = values.copy()
    for row in np.flatnonzero(is_counter):
        rates[row] = _rates(values[row])
    return rates


def _is_counter(readings: Matrix) -> bool:
    if len(readings) < LEAST_READINGS or readings.min() < 0:
        return False
    rises = np.diff(readings)
    falls = rises < 0
    is_reset = readings[1:][falls] < RESET * readings[:-1][falls]
    return bool((rises > 0).mean() >= LEAST_RISES and falls.mean() <= MOST_RESETS and is_reset.all())


def _rates(row: Matrix) -> Matrix:
    rates = np.full_like(row, np.nan)
    read = np.flatnonzero(~np.isnan(row))
    rises = np.diff(row[read].astype(np.float64))
    rates[read[1:]] = np.where(rises < 0, np.nan, rises / np.diff(read))
    return rates
