"""Several strands of evidence on one scale, and one score of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tasks.insights.detection.baselines import CONSISTENT
from tasks.insights.detection.windows import Series

LOWEST, HIGHEST = -5.0, 100.0
"""Of a strand, in its own deviations: none may drown the others."""
DECAY = 0.95
"""What a step leaves of a score: an incident does not end with the first quiet minute."""
RESOLUTION = 0.5
"""Of the published score. Finer differences come and go with the seed of the forest."""


@dataclass(frozen=True)
class Scale:
    """Where a strand usually is: its median over the history, and the deviation from it."""

    middle: float
    spread: float


def fit_scale(strand: Series) -> Scale:
    """The scale of a strand over the history that the model is trained on."""
    middle = float(np.median(strand))
    return Scale(middle, float(CONSISTENT * np.median(np.abs(strand - middle))))


def combine(strands: Mapping[str, Series], scales: Mapping[str, Scale]) -> Series:
    """The mean of the strands, each in deviations from its usual level; 0 is as usual.

    Args:
        strands: by name; of these, the ones that have a scale count.
        scales: of those that the model was trained with.
    """
    mean: Series = np.mean([_on_scale(strands[name], scale) for name, scale in sorted(scales.items())], axis=0)
    return mean


def hold(scores: Series, steps: int) -> Series:
    """The greatest of each score and the `steps` before it, which fade by `DECAY` a step."""
    held = np.maximum(scores, 0.0)
    faded = held
    for _ in range(steps):
        faded = DECAY * np.concatenate([[0.0], faded[:-1]])
        held = np.maximum(held, faded)
    return held


def rounded(scores: Series) -> Series:
    """To `RESOLUTION`."""
    return np.round(scores / RESOLUTION) * RESOLUTION


def _on_scale(strand: Series, scale: Scale) -> Series:
    off = strand - scale.middle
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = np.where(off == 0, 0.0, off / scale.spread)
    return np.clip(distances, LOWEST, HIGHEST)
