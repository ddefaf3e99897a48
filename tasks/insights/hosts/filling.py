"""When a filesystem will be full: by the growth of its daily medians, from where its daily peaks lie over them.

Medians, because temporary files of the night are none of the growth; peaks, because these fill it first.
"""

from dataclasses import dataclass

import numpy as np

from tasks.insights.hosts.growth import Growth, fit_growth, growth_of
from tasks.insights.statistics.intervals import Values, Z

DAYS = 21
HOURS = 24 * DAYS
"""What is looked at."""
DAYS_NEEDED = 10
"""Of a week alone nobody can tell growth from logs that are rotated once in it."""
WEEK = 7
PEAK = 1.2
"""What is counted on is a peak so many standard deviations above the mean one."""
PEAK_LOW, PEAK_HIGH = PEAK - 2.0, PEAK + 2.0
"""The same for the ends of the interval."""


@dataclass(frozen=True)
class Filling:
    """The growth of a filesystem a day, and the level that peaks reach now, with the ends of its interval; shares of its size."""

    growth: Growth
    level: float
    level_low: float
    level_high: float


def find_filling(means: Values, highs: Values) -> Filling | None:
    """The growth and level of a filesystem.

    Args:
        means, highs: of the last `HOURS` hours in the order of time, NaN where there is none.

    Returns:
        None where less than `DAYS_NEEDED` days are known at least in half.
    """
    days = means.reshape(DAYS, 24)
    known = np.flatnonzero(2 * np.isfinite(days).sum(axis=1) >= days.shape[1])
    if len(known) < DAYS_NEEDED:
        return None
    medians: Values = np.asarray(np.nanmedian(days[known], axis=1), np.float64)
    peaks = np.nanmax(highs.reshape(DAYS, 24)[known], axis=1)
    before: Values = known.astype(np.float64) - DAYS + 0.5  # days from now to the middle of each
    growth = fit_weekly(before, medians)
    now = float(np.median(medians - growth.slope * before))
    above = peaks - now - growth.slope * before
    usual, scatter = now + float(above.mean()), float(above.std(ddof=1))
    return Filling(growth, *(usual + times * scatter for times in (PEAK, PEAK_LOW, PEAK_HIGH)))


def fit_weekly(days: Values, values: Values) -> Growth:
    """The slope a day of daily values; from two weeks on from values a whole number of weeks apart only.

    That is the seasonal slope of Hirsch, Slack & Smith (Water Resources Research 18, 1982), with a season for each day of the
    week: logs that are rotated once a week are no growth, nor are busy days. Its interval is from the variance of the seasonal
    Kendall statistic.
    """
    later, earlier = np.triu_indices(len(days), 1)[::-1]
    apart = days[later] - days[earlier]
    weekly = apart % WEEK == 0
    if days[-1] - days[0] < 2 * WEEK - 1 or not weekly.any():
        fitted = fit_growth(days, values)
        return fitted or Growth(0.0, 0.0, 0.0, 1.0)
    slopes = np.sort((values[later] - values[earlier])[weekly] / apart[weekly])
    counts = np.unique(np.floor(days) % WEEK, return_counts=True)[1]
    reach = Z * float(np.sqrt((counts * (counts - 1) * (2 * counts + 5)).sum() / 18))
    low, high = max(0, round((len(slopes) - reach) / 2)), min(len(slopes) - 1, round((len(slopes) + reach) / 2))
    return growth_of(float(np.median(slopes)), float(slopes[low]), float(slopes[high]))
