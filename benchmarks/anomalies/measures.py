"""How good anomaly scores are: volume under the precision-recall surface, and incidents and false alarms by episodes.

The definitions are those of the yardstick that lies beside the data; the volume is TSB-AD's (Paparrizos et al., VLDB 15, 2022;
Liu & Paparrizos, NeurIPS 2024), with 250 thresholds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.insights.detection.windows import Flags, Series

Labels = NDArray[np.int64]
MINUTES_A_DAY = 1440
TOLERANCE = 10
"""Minutes after an incident in which an alert still counts for it, and on both sides of it in which one is not false."""
THRESHOLDS = 250
BUDGET = 1 / 1000
"""Episodes a minute at most."""
BUDGET_TIME = 0.10
"""Share of the minutes at most."""
NO_PERIOD = 125


@dataclass(frozen=True)
class Alarms:
    hit: int
    incidents: int
    false_a_day: float


def spans(is_anomalous: Flags, merged: int = TOLERANCE) -> list[tuple[int, int]]:
    """First and last step of each run of anomalous steps, where those at most `merged` steps apart are of one."""
    at = np.flatnonzero(is_anomalous)
    if not len(at):
        return []
    cuts = np.flatnonzero(np.diff(at) > merged)
    return list(zip(at[np.r_[0, cuts + 1]].tolist(), at[np.r_[cuts, len(at) - 1]].tolist(), strict=True))


def incidents(labels: Labels) -> list[tuple[int, int]]:
    """First and last minute of each labelled one."""
    return spans(labels > 0, merged=1)


def count_alarms(labels: Labels, is_alert: Flags) -> Alarms:
    """Incidents with an alert in them or shortly after, and episodes a day that touch none."""
    labelled, alerts = incidents(labels), spans(is_alert)
    hit = sum(bool(is_alert[start : end + TOLERANCE + 1].any()) for start, end in labelled)
    false = sum(not any(a <= end + TOLERANCE and e >= start - TOLERANCE for start, end in labelled) for a, e in alerts)
    return Alarms(hit, len(labelled), false / (len(labels) / MINUTES_A_DAY))


def within_budget(scores: Series) -> Flags:
    """Alerts at the lowest threshold that keeps to the budget, found from the highest down."""
    n, ordered = len(scores), -np.sort(-scores)
    best = ordered[0]
    for rank in np.unique(np.geomspace(1, max(2, int(BUDGET_TIME * n)), 300).astype(int)):
        limit = ordered[min(rank, n - 1)]
        is_above = scores > limit
        if is_above.mean() > BUDGET_TIME or len(spans(is_above)) > n * BUDGET:
            break
        best = limit
    alerts: Flags = scores > best
    return alerts


def period(values: Series) -> int:
    """The width of the volume's widest window: the period of a metric by its autocorrelation."""
    centred = np.asarray(values, dtype=float)[:20000]
    centred = centred - centred.mean()
    power = float((centred * centred).sum())
    if power <= 0:
        return NO_PERIOD
    spectrum = np.fft.rfft(centred, 2 ** int(np.ceil(np.log2(2 * len(centred)))))
    correlation = np.fft.irfft(spectrum * np.conj(spectrum))[3:401] / power
    peaks = np.flatnonzero((correlation[1:-1] > correlation[:-2]) & (correlation[1:-1] > correlation[2:])) + 1
    if not len(peaks):
        return NO_PERIOD
    best = peaks[np.argsort(correlation[peaks])[::-1][0]]
    return NO_PERIOD if best < 3 or best > 300 else int(best + 3)


def volume(labels: Labels, scores: Series, widest: int) -> float:
    """VUS-PR: the mean area under the precision-recall curve over widths of the windows around the incidents."""
    ordered = -np.sort(-scores)
    limits = ordered[np.linspace(0, len(scores) - 1, THRESHOLDS).astype(int)]
    bins = np.minimum(np.searchsorted(-limits, -scores, side="left"), THRESHOLDS - 1)
    predicted = np.searchsorted(-ordered, -limits, side="right").astype(float)
    return float(np.mean([_area(labels, bins, predicted, incidents(labels), width) for width in range(widest + 1)]))


def _area(labels: Labels, bins: Labels, predicted: Series, labelled: list[tuple[int, int]], width: int) -> float:
    weights = _softened(labels, labelled, width)
    buffered = np.where(labels > 0, 0.0, weights)
    found, around = (np.cumsum(np.bincount(bins, w, THRESHOLDS)) for w in (weights, buffered))
    firsts = _first_bins(bins, labelled, width // 2)
    existing = np.cumsum(np.bincount([b for b in firsts if b < THRESHOLDS], minlength=THRESHOLDS)) / len(firsts)
    positives = float((labels > 0).sum())
    recall = np.minimum(found / ((positives + positives + around) / 2), 1.0) * existing
    return float(np.sum(np.diff(recall, prepend=0.0) * found / predicted))


def _softened(labels: Labels, labelled: list[tuple[int, int]], width: int) -> Series:
    """1 in incidents, falling off within half a width of them."""
    n, reach = len(labels), width // 2
    weights = np.zeros(n)
    for start, end in labelled:
        after = np.arange(end + 1, min(end + reach + 1, n))
        weights[after] += np.sqrt(1 - (after - end) / max(width, 1))
        before = np.arange(max(start - reach, 0), start)
        weights[before] += np.sqrt(1 - (start - before) / max(width, 1))
    return np.where(labels > 0, 1.0, np.minimum(weights, 1.0))


def _first_bins(bins: Labels, labelled: list[tuple[int, int]], reach: int) -> list[int]:
    """Of each incident, with those that its buffer runs into: the first threshold that finds any of it."""
    found, begin = [], max(labelled[0][0] - reach, 0)
    for k, (_, end) in enumerate(labelled):
        if k == len(labelled) - 1 or end + reach < labelled[k + 1][0] - reach:
            found.append(int(bins[begin : min(end + reach, len(bins) - 1) + 1].min()))
            if k < len(labelled) - 1:
                begin = labelled[k + 1][0] - reach
    return found
