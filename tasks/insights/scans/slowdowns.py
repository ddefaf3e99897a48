"""Whether scans take longer than they did, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student

from tasks.insights.statistics.change_points import DURATION_FLOOR, FALSE_DISCOVERIES, Change, find_change, q_values
from tasks.insights.statistics.intervals import TAIL, Counts, Values

Verdict = Literal["slower", "faster", "no_evidence", "too_little_data"]


@dataclass(frozen=True)
class Days:
    """The daily medians of a scan, oldest first.

    Attributes:
        numbers: of the days, counted back from as_of; the one that ends there is 0.
        seconds: median running times, all above 0.
        assets: median assets a run, NaN where there are none.
    """

    numbers: Counts
    seconds: Values
    assets: Values


@dataclass(frozen=True)
class Slowdown:
    """What became of the running time; all but the q-value None without a verdict of `slower` or `faster`.

    Attributes:
        since: the number of the first day at the new level.
        ratio, low, high: geometric mean of the daily medians from then on over that of the ones before, with its 95 % interval.
        assets: the same ratio of the assets.
    """

    verdict: Verdict
    q_value: float | None = None
    since: int | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    assets: float | None = None


def find_slowdowns(scans: Sequence[Days]) -> list[Slowdown]:
    """For each scan whether its running time changed, false discoveries controlled over all of them."""
    changes = [find_change(np.log(days.seconds)) for days in scans]
    q = q_values([change.p_value if change else None for change in changes])
    return [_judge(days, change, value) for days, change, value in zip(scans, changes, q, strict=True)]


def _judge(days: Days, change: Change | None, q_value: float | None) -> Slowdown:
    if change is None or q_value is None:
        return Slowdown("too_little_data")
    ratio, low, high = geometric_ratio(days.seconds, change.index)
    if q_value > FALSE_DISCOVERIES or 1 / DURATION_FLOOR < ratio < DURATION_FLOOR:
        return Slowdown("no_evidence", q_value)
    verdict: Verdict = "slower" if ratio > 1 else "faster"
    return Slowdown(verdict, q_value, int(days.numbers[change.index]), ratio, low, high, _assets_ratio(days.assets, change.index))


def geometric_ratio(values: Values, index: int) -> tuple[float, float, float]:
    """Geometric mean from `index` on over that before, with its 95 % interval (Welch, Biometrika 34, 1947, on logarithms).

    Args:
        values: positive; two at least on either side.
    """
    before, after = np.split(np.log(values), [index])
    step = float(after.mean() - before.mean())
    parts = [float(side.var(ddof=1)) / len(side) for side in (before, after)]
    variance = sum(parts)
    if variance == 0:
        return float(np.exp(step)), float(np.exp(step)), float(np.exp(step))
    freedom = variance**2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (before, after), strict=True))
    spread = float(student.isf(TAIL, freedom)) * variance**0.5
    return float(np.exp(step)), float(np.exp(step - spread)), float(np.exp(step + spread))


def _assets_ratio(assets: Values, index: int) -> float | None:
    before, after = (side[np.isfinite(side)] for side in np.split(assets, [index]))
    return float(np.exp(np.log(after).mean() - np.log(before).mean())) if len(before) and len(after) else None
