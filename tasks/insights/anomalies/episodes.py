"""Anomalous minutes that belong together, how bad they were, and which metrics were to blame."""

from dataclasses import dataclass

import numpy as np

from tasks.insights.anomalies.thresholds import MERGED_STEPS
from tasks.insights.anomalies.windows import Flags, Matrix, Series

CRITICAL_RATIO = 2.0
"""Of a peak to its threshold, from which on an episode is critical."""
LEAST_SHARE = 0.05
"""Of the blame: metrics with less are not named."""
MOST_NAMED = 5


@dataclass(frozen=True)
class Blame:
    """A metric and its share of what the named and unnamed metrics deviated."""

    metric: str
    share: float


@dataclass(frozen=True)
class Episode:
    """Steps are columns of the scored window.

    Attributes:
        start, end: the first and the last anomalous step.
        minutes: anomalous steps in it.
        peak, peak_at: the greatest score, and where.
        severity: `critical` where the peak is `CRITICAL_RATIO` of the threshold there, else `warning`.
        blamed: the metrics that deviated most, in order.
    """

    start: int
    end: int
    minutes: int
    peak: float
    peak_at: int
    severity: str
    blamed: tuple[Blame, ...]


def spans(is_anomalous: Flags, merged: int = MERGED_STEPS) -> list[tuple[int, int]]:
    """First and last step of each run of anomalous steps, where those at most `merged` steps apart are of one."""
    at = np.flatnonzero(is_anomalous)
    if not len(at):
        return []
    cuts = np.flatnonzero(np.diff(at) > merged)
    return list(zip(at[np.r_[0, cuts + 1]].tolist(), at[np.r_[cuts, len(at) - 1]].tolist(), strict=True))


def find_episodes(is_anomalous: Flags, scores: Series, limits: Series, level: Matrix, names: list[str]) -> list[Episode]:
    """The episodes of a window.

    Args:
        level: log z-scores, a row a metric of `names`, a column a step.
    """
    return [_episode(start, end, is_anomalous, scores, limits, level, names) for start, end in spans(is_anomalous)]


def blame(sizes: Series, names: list[str]) -> tuple[Blame, ...]:
    """The metrics with the greatest sizes, in order, equals by name; none where nothing deviates."""
    total = float(sizes.sum())
    if total <= 0:
        return ()
    order = sorted(range(len(names)), key=lambda row: (-float(sizes[row]), names[row]))[:MOST_NAMED]
    return tuple(Blame(names[row], float(sizes[row]) / total) for row in order if sizes[row] >= LEAST_SHARE * total)


def _episode(start: int, end: int, is_anomalous: Flags, scores: Series, limits: Series, level: Matrix, names: list[str]) -> Episode:
    span = slice(start, end + 1)
    peak_at = start + int(np.nanargmax(scores[span]))
    peak = float(scores[peak_at])
    severity = "critical" if peak >= CRITICAL_RATIO * limits[peak_at] else "warning"
    sizes = np.abs(level[:, span]).max(axis=1).astype(np.float64)
    return Episode(start, end, int(np.count_nonzero(is_anomalous[span])), peak, peak_at, severity, blame(sizes, names))
