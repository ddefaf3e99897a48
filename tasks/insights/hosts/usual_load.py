"""Whether a host was as busy at this time of earlier days as it is now. Pure.

Hours are counted back from as_of: hour 0 ends there, so that an hour of a day is the same hour of it on every day before.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tasks.insights.statistics.intervals import Values

HOURS = 24
DAYS = 28
"""Days before the last 24 hours that are looked at."""
RECENT, WEEK = 14, 7
NEEDED, WEEKS_NEEDED = 3, 2
"""With fewer days nobody knows what is usual; nor, with fewer weeks, on this day of the week."""
AS_BUSY = 2.0
"""A day was as busy where it had half of the busy minutes that there are now: jobs take longer on one day than on another."""
BURST = 2
"""An hour with so many busy minutes had a burst."""
DEVIATIONS = 1.4826
"""The standard deviation of a normal distribution in median absolute deviations."""


class Load(NamedTuple):
    """The hours of a host by how long ago they were; NaN where less than half of one was sampled.

    Attributes:
        busy: minutes with much in use.
        mean: share of all CPUs in use.
    """

    busy: Values
    mean: Values


class Earlier(NamedTuple):
    """Of the last 14 days those that are known at this time of day, those as busy; and whether that is usual."""

    days: int
    as_busy: int
    is_usual: bool


def load_of(hours: Iterable[Mapping[str, Any]]) -> Load:
    """The hours of macro cpu_hours: ago, samples, busy (samples) and mean. A full hour has as many samples as the median one.
    Of the last 24 all are kept that have any."""
    samples, busy, mean = (np.zeros(HOURS * (DAYS + 1)) for _ in range(3))
    for hour in hours:
        at = hour["ago"]
        samples[at], busy[at], mean[at] = hour["samples"], hour["busy"], hour["mean"]
    full = float(np.median(samples[samples > 0])) if samples.any() else 1.0
    is_known = (samples >= full / 2) | (np.arange(len(samples)) < HOURS) & (samples > 0)
    return Load(np.where(is_known, 60 * busy / np.maximum(samples, full), np.nan), np.where(is_known, mean, np.nan))


def compare(load: Load, newest: int, oldest: int) -> Earlier:
    """Whether most of the last 14 days, or of the same days of the week, were as busy in these hours and one around them."""
    today = float(np.nansum(load.busy[max(newest - 1, 0) : min(oldest, newest + HOURS - 4) + 2]))
    totals = np.array([_total(day) for day in _days(load.busy, newest, oldest)])
    is_known, as_busy = np.isfinite(totals), AS_BUSY * totals >= today
    recent = slice(0, RECENT)
    days, times = int(is_known[recent].sum()), int(as_busy[recent].sum())
    weeks, weekly = int(is_known[WEEK - 1 :: WEEK].sum()), int(as_busy[WEEK - 1 :: WEEK].sum())
    return Earlier(days, times, (days >= NEEDED and times > days / 2) or (weeks >= WEEKS_NEEDED and weekly > weeks / 2))


def usual_mean(load: Load, newest: int, oldest: int) -> tuple[float, float] | None:
    """Median over the last 14 days of the mean share in use at this time of day, and its standard deviation from day to day, by the
    median absolute deviation; None with too few days."""
    days = np.array([np.nanmean(day) for day in _days(load.mean, newest, oldest)[:RECENT] if np.isfinite(day).any()])
    if len(days) < NEEDED:
        return None
    median = float(np.median(days))
    return median, DEVIATIONS * float(np.median(np.abs(days - median)))


def irregular_bursts(load: Load) -> float:
    """The share of days that had a burst at an hour at which, or beside which, most days have none; 0 with too few days."""
    has = load.busy >= BURST
    beside = has | np.roll(has, 1) | np.roll(has, -1)
    had, near, is_known = (each.reshape(-1, HOURS)[1:] for each in (has, beside, np.isfinite(load.busy)))
    is_regular = (near & is_known).sum(axis=0) > is_known.sum(axis=0) / 2
    days = is_known.any(axis=1).sum()
    return float((had & ~is_regular).any(axis=1).sum() / days) if days >= NEEDED else 0.0


def _days(values: Values, newest: int, oldest: int) -> list[Values]:
    """The hours from `newest` to `oldest` and one around them, on each earlier day, the newest first; at most 23 hours of a day."""
    last = min(oldest, newest + HOURS - 4)
    return [values[day * HOURS + newest - 1 : day * HOURS + last + 2] for day in range(1, DAYS + 1)]


def _total(day: Values) -> float:
    """Busy minutes of a day's hours; NaN where half of them or more are not known."""
    return float(np.nansum(day)) if np.isfinite(day).sum() > len(day) / 2 else np.nan
