"""Which change of a metric is of practical size: one that an operator would look at, in the metric's unit."""

from collections.abc import Sequence

import numpy as np

from tasks.insights.detection.baselines import Baseline
from tasks.insights.detection.windows import Matrix, Series

MIB = 2.0**20
LEAST_CHANGE = {
    "1": 0.05,
    "By": 64 * MIB,
    "By/s": MIB,
    "{thread}": 1.0,
    "{process}": 10.0,
    "{operation}/s": 10.0,
    "{packet}/s": 100.0,
    "{error}/s": 1.0,
    "{cpu}": 0.0,
}
"""By unit (UCUM); at least `SHARE_OF_LEVEL` of the metric's level where it has no natural scale, and that alone of other units."""
OF_A_SCALE = ("1", "{cpu}")
SHARE_OF_LEVEL = 0.05
HARDLY = 0.99
"""Of the readings: a metric hardly moves where so many of them lie within the practical size of its level."""


def practical_sizes(units: Sequence[str], level: Series) -> Series:
    """The least change of practical size of each metric, in its unit."""
    least = np.array([LEAST_CHANGE.get(unit, 0.0) for unit in units])
    share = np.array([0.0 if unit in OF_A_SCALE else SHARE_OF_LEVEL for unit in units])
    sizes: Series = np.fmax(least, share * np.abs(level))
    return sizes


def slight_changes(units: Sequence[str], history: Matrix, baseline: Baseline) -> Series:
    """Of each metric that hardly moved over the history, the change below which it is of no practical size; 0 of the others."""
    sizes = practical_sizes(units, baseline.middle)
    known = ~np.isnan(history)
    near = (np.abs(history - baseline.middle[:, None]) <= sizes[:, None]) & known
    hardly = near.sum(axis=1) >= HARDLY * np.maximum(known.sum(axis=1), 1)
    return np.where(hardly & np.isfinite(sizes), sizes, 0.0)
