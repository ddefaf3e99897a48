"""Which metrics are to blame for an anomalous step."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.insights.detection.windows import Series

LEAST_SHARE = 0.05
"""Of the blame: metrics with less are not named."""
MOST_NAMED = 5


@dataclass(frozen=True)
class Blame:
    """A metric and its share of what all of them deviated."""

    metric: str
    share: float


def blame(sizes: Series, names: Sequence[str]) -> tuple[Blame, ...]:
    """The metrics with the greatest sizes, in order, equals by name; none where nothing deviates."""
    total = float(sizes.sum())
    if total <= 0:
        return ()
    order = sorted(range(len(names)), key=lambda row: (-float(sizes[row]), names[row]))[:MOST_NAMED]
    return tuple(Blame(names[row], float(sizes[row]) / total) for row in order if sizes[row] >= LEAST_SHARE * total)
