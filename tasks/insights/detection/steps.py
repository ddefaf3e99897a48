"""From minutes to the steps in which a host is sampled."""

import numpy as np

from tasks.insights.detection.windows import Matrix

STEPS = (1, 2, 5, 10, 15, 30, 60)
"""Minutes; all divide the hour, so that steps start alike however much is looked at."""


def find_step(values: Matrix) -> int:
    """The longest of `STEPS` that is no longer than the usual time between two readings of the host.

    Args:
        values: a row a metric, a column a minute.
    """
    read = np.flatnonzero(~np.isnan(values).all(axis=0))
    usual = float(np.median(np.diff(read))) if len(read) > 1 else 1.0
    return max(step for step in STEPS if step <= max(usual, 1.0))


def to_steps(values: Matrix, step: int) -> Matrix:
    """The mean of each `step` minutes that were read; the last step may be cut short.

    Args:
        values: a row a metric, a column a minute, the first of which starts a step.
    """
    if step == 1:
        return values
    short = -values.shape[1] % step
    minutes = np.pad(values, ((0, 0), (0, short)), constant_values=np.nan).reshape(len(values), -1, step)
    counts = np.count_nonzero(~np.isnan(minutes), axis=2)
    means: Matrix = np.where(counts > 0, np.nansum(minutes, axis=2) / np.maximum(counts, 1), np.nan).astype(values.dtype)
    return means
