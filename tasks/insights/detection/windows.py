"""How far each part of the detector looks back, in steps of the data, and what is a gap."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.floating]
"""A row a metric, a column a step; NaN where nothing was read."""
Series: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
DAY = 1440
"""Minutes."""


@dataclass(frozen=True)
class Windows:
    """Lengths in steps; the defaults are for a step a minute.

    Attributes:
        step: minutes.
        day: the trailing day.
        shorter: the window whose median short excursions are held against.
        block, shorter_block: for how many steps the medians of the two are used before they are computed anew.
        sampled: every how manyth step of the trailing day goes into its median.
        rolling: of means and deviations, the shorter first.
        held: how long a score lasts at most.
    """

    step: int = 1
    day: int = DAY
    shorter: int = 180
    block: int = 30
    shorter_block: int = 10
    sampled: int = 4
    rolling: tuple[int, int] = (5, 30)
    held: int = 60

    @property
    def merged(self) -> int:
        """Steps between two anomalous ones up to which they are of one episode: ten minutes."""
        return max(10 // self.step, 1)

    @property
    def lead_in(self) -> int:
        """Steps before the window that its scores depend on beside the baselines."""
        return self.rolling[1] + self.held

    @property
    def needed(self) -> int:
        """Steps that have to precede the window for all of them to be looked at."""
        return self.lead_in + self.day + self.block


def windows_of(step: int) -> Windows:
    """The same lengths of time for steps of so many minutes, in as many steps as a median or a deviation needs."""
    default = Windows()
    return Windows(
        step=step,
        day=DAY // step,
        shorter=max(default.shorter // step, 6),
        block=max(default.block // step, 1),
        shorter_block=max(default.shorter_block // step, 1),
        sampled=max(default.sampled // step, 1),
        rolling=(max(default.rolling[0] // step, 3), max(default.rolling[1] // step, 6)),
        held=max(default.held // step, 1),
    )
