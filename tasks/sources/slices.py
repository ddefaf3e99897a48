"""A first extraction in slices of time, so that one that is interrupted goes on where it was.

A row that does not change lies in one slice, whichever snapshot the slice is read in; a row that changes meanwhile is read by the
extractions after it, which begin at the horizon of the first slice.
"""

from collections.abc import Sequence
from datetime import datetime

from tasks.sources.database.session import Day, Span

LEAST_ROWS = 2_000_000
MOST_SLICES = 10
"""Where no index on the change instant helps, each slice reads through the whole table."""


def cut(days: Sequence[Day], start: datetime | None = None) -> list[Span]:
    """Slices from `start` on, of about as many rows each, the last one open.

    Args:
        days: in order.
    """
    total = sum(day.rows for day in days)
    size = max(LEAST_ROWS, total / MOST_SLICES)
    bounds, held = [], 0
    for day in days:
        if held >= size:
            bounds.append(day.start)
            held = 0
        held += day.rows
    starts = [start, *(bound for bound in bounds if start is None or bound > start)]
    return [Span(first, last) for first, last in zip(starts, [*starts[1:], None], strict=True)]
