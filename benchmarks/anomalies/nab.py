"""The Numenta Anomaly Benchmark's standard score (Lavin & Ahmad, ICMLA 2015) of our scores, a metric a host.

An alarm is the start of something: a score that is the greatest of the last day.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.anomalies.labelled import Line
from benchmarks.anomalies.measures import incidents
from tasks.insights.detection.model import train
from tasks.insights.detection.scoring import score
from tasks.insights.detection.windows import DAY, Series, windows_of

FALSE_WEIGHT = 0.11
"""Of a false positive in the standard profile; hits and misses weigh 1."""
SEED = 0


@dataclass(frozen=True)
class Judged:
    """Of the steps after the probation: alarm sizes, what an alarm there is worth, its window (or -1); and how many windows."""

    alarms: Series
    worth: Series
    window: Series
    windows: int


def alarms(line: Line) -> Series:
    """The alarm sizes of a series: its scores, learned from its probation, where they are the greatest of the last day."""
    known, day = int(line.is_probation.sum()), line.steps_a_day
    values = line.values[None, :]
    model = train([line.name], values[:, :known], 0, SEED, windows_of(DAY // day))
    assert model is not None
    before = np.concatenate([np.zeros(day), model.recent])[-day:]
    scores = np.nan_to_num(np.concatenate([before, score(model, values, 0, known).score]))
    highest = np.lib.stride_tricks.sliding_window_view(scores[:-1], day).max(axis=1)
    sizes = np.where(scores[day:] > highest, scores[day:], 0.0)
    return np.concatenate([np.zeros(known), sizes])


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


def _sigmoid(position: Series) -> Series:
    """NAB's: from 1 well before the end of a window to -1 behind it."""
    return np.where(position > 3, -1.0, 2 / (1 + np.exp(5 * np.minimum(position, 3))) - 1)
