"""The Numenta Anomaly Benchmark's standard score (Lavin & Ahmad, ICMLA 2015) of our scores without the forest, a metric a series.

An alarm is the start of something: a score that is the greatest of the last day. Its size is how far it is beyond what the series
itself reached before, as the product's own threshold is by what was before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.anomalies.labelled import Line
from benchmarks.anomalies.measures import incidents
from tasks.insights.detection.baselines import fit_baseline, standardise
from tasks.insights.detection.windows import Series, Windows
from tasks.insights.detection.zscores import deviations

FALSE_WEIGHT = 0.11
"""Of a false positive in the standard profile; hits and misses weigh 1."""
USUAL_QUANTILE, LEAST_USUAL = 0.99, 0.3


@dataclass(frozen=True)
class Judged:
    """Of the steps after the probation: alarm sizes, what an alarm there is worth, its window (or -1); and how many windows."""

    alarms: Series
    worth: Series
    window: Series
    windows: int


def alarms(line: Line) -> Series:
    """The alarm sizes of a series, learned from its probation."""
    known, day = int(line.is_probation.sum()), line.steps_a_day
    windows = Windows(day=day, shorter=max(day // 8, 6), block=6, shorter_block=2, sampled=1, rolling=(3, 6))
    values = line.values[None, :]
    baseline = fit_baseline(values[:, :known])
    level, recent = deviations(standardise(values, baseline), baseline, windows, 0, 0)
    sizes = (np.abs(level) + np.abs(recent))[0].astype(np.float64)
    sizes = np.where(np.arange(len(sizes)) < known, 0.0, sizes / _usual(sizes, known, day))
    before = np.concatenate([np.zeros(day), sizes])
    highest = np.lib.stride_tricks.sliding_window_view(before, day).max(axis=1)[: len(sizes)]
    return np.where(sizes > highest, sizes, 0.0)


def judge_line(line: Line) -> Judged:
    """What each step is worth, were it an alarm."""
    n, judged = len(line.values), ~line.is_probation
    worth, window = np.full(n, -FALSE_WEIGHT), np.full(n, -1.0)
    labelled = incidents(line.labels)
    for start, end in labelled:
        after = np.arange(end + 1, n)
        worth[end + 1 :] = FALSE_WEIGHT * _sigmoid((after - end) / max(end - start, 1))
    for number, (start, end) in enumerate(labelled):
        at = np.arange(start, end + 1)
        worth[start : end + 1] = _sigmoid(-(end - at + 1) / (end - start + 1)) / _sigmoid(np.array(-1.0))
        window[start : end + 1] = number
    return Judged(alarms(line)[judged], worth[judged], window[judged], len(labelled))


def nab_score(lines: Sequence[Judged]) -> float:
    """The score at the one threshold for all series that is best: 0 is what silence gets, 100 is perfect."""
    windows = sum(line.windows for line in lines)
    limits = np.unique(np.concatenate([line.alarms[line.alarms > 0] for line in lines]))
    best = max((sum(_total(line, limit) for line in lines) for limit in limits), default=-float(windows))
    return 100 * (max(best, -float(windows)) + windows) / (2 * windows)


def _total(line: Judged, limit: float) -> float:
    is_alarm = line.alarms >= limit
    hits = [line.worth[is_alarm & (line.window == number)] for number in range(line.windows)]
    return float(line.worth[is_alarm & (line.window < 0)].sum()) + sum(float(hit.max()) if len(hit) else -1.0 for hit in hits)


def _usual(sizes: Series, known: int, day: int) -> Series:
    """What was usual before each quarter of a day."""
    usual, quarter = np.ones(len(sizes)), max(day // 4, 1)
    for at in range(known, len(sizes), quarter):
        usual[at : at + quarter] = np.quantile(sizes[:at], USUAL_QUANTILE) + LEAST_USUAL
    return usual


def _sigmoid(position: Series) -> Series:
    """NAB's: from 1 well before the end of a window to -1 behind it."""
    return np.where(position > 3, -1.0, 2 / (1 + np.exp(5 * np.minimum(position, 3))) - 1)
