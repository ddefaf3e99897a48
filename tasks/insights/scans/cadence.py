"""How often a scan is asked for, and by when the next one should have been."""

from dataclasses import dataclass

import numpy as np

from tasks.insights.statistics.intervals import Counts

SECOND = 1_000_000
WEEK = 7 * 86_400 * SECOND
SAME_MOMENT = 60 * SECOND
"""Schedules tick by the minute: what is asked for within one of the last is of the same tick, not a cadence of its own."""
RECENT = 79
"""Gaps that tell of the next one. A schedule that changed from hourly to daily is known two days later; with all gaps of 90 days it
would be called late for a month."""
NEEDED = 5
SHIFT = 7200 * SECOND
"""How much a schedule may move within the week: an hour for daylight saving, and as much for jitter."""


@dataclass(frozen=True)
class Cadence:
    """The rhythm of a scan; instants and gaps in microseconds, None where there are too few gaps.

    Attributes:
        gaps: how many were used.
        typical: their median.
        low, high: how long after the last start the next is to be expected, with `confidence`.
    """

    gaps: int
    last: int | None = None
    typical: int | None = None
    low: int | None = None
    high: int | None = None
    confidence: float | None = None


def find_cadence(asked: Counts) -> Cadence:
    """The cadence of scans asked for at the instants (microseconds, sorted).

    The next gap is foreseen from the recent ones: were they in any order, it would lie between the r-th smallest and the r-th
    largest of n with probability (n + 1 - 2r) / (n + 1) (David & Nagaraja, Order Statistics, 7.2). They are not where a schedule
    pauses at week-ends, so the upper end is no less than the longest gap around the same time of an earlier week.
    """
    if len(asked) == 0:
        return Cadence(0)
    last, lengths = int(asked[-1]), np.diff(asked)
    starts, gaps = asked[:-1][lengths >= SAME_MOMENT], lengths[lengths >= SAME_MOMENT]
    recent = np.sort(gaps[-RECENT:])
    n = len(recent)
    typical = round(float(np.median(recent))) if n else None
    if n < NEEDED:
        return Cadence(n, last, typical)
    rank = max(1, (n + 1) // 40)
    longest = max(int(recent[n - rank]), _longest_in_earlier_weeks(last - starts, gaps))
    return Cadence(n, last, typical, int(recent[rank - 1]), longest, min(0.95, (n - 1) / (n + 1)))


def _longest_in_earlier_weeks(ages: Counts, gaps: Counts) -> int:
    """The longest gap that was open a whole number of weeks before the last start, or began up to `SHIFT` later; else 0.

    Args:
        ages: how long before the last start each gap began (microseconds).
    """
    first_week = np.maximum(1, -((gaps - ages) // WEEK))
    was_open = (ages + SHIFT) // WEEK >= first_week
    return int(gaps[was_open].max(initial=0))
