"""Which model judges which host: the day's, or, of a host known for less than a day, one of all that is known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from tasks.insights.detection.artifacts import Artifact
from tasks.insights.detection.windows import DAY

HISTORY = 21 * DAY
"""Minutes of history that are learned from, as far as there are."""
LEAD = 2 * DAY
"""Minutes before the window that its scores look at."""
LAST = DAY
"""A metric counts that was read within so many minutes before the end of the history."""
MOST_CELLS = 100_000_000
"""Metrics x minutes that are held in memory at once."""


@dataclass(frozen=True)
class Plan:
    """A host to be judged. Minutes are since the epoch.

    Attributes:
        series: metric and attributes of what it is judged by.
        first: the first minute that is read, the start of a day.
        trained_until: the end of the history.
        artifact: the model to take up; None to train one.
        units: of the series, where a model is to be trained.
    """

    host: str
    series: tuple[tuple[str, str], ...]
    first: int
    trained_until: int
    artifact: Artifact | None
    units: tuple[str, ...] = ()

    def cells(self, end: int) -> int:
        return len(self.series) * (end - self.first)


def name_of(metric: str, attributes: str) -> str:
    """`metric{attributes}`, as a model knows it."""
    return f"{metric}{{{attributes}}}" if attributes else metric


def parts_of(name: str) -> tuple[str, str]:
    """Metric and attributes of such a name."""
    metric, _, attributes = name.partition("{")
    return metric, attributes.removesuffix("}")


def day_of(minute: int) -> int:
    """The first minute of the day (UTC)."""
    return minute - minute % DAY


def take_up(host: str, names: Sequence[str], trained_until: int, artifact: Artifact, start: int) -> Plan:
    """A plan with the model that is there, of these metrics."""
    return Plan(host, tuple(map(parts_of, names)), day_of(start - LEAD), trained_until, artifact)


def plan_training(host: str, series: pl.DataFrame, start: int) -> Plan:
    """A plan to train a model for the window from `start` on.

    Args:
        series: metric, attributes, unit, first_minute and last_minute of what the host sampled up to the end of the window.
    """
    first = start if series.is_empty() else min(int(series["first_minute"].min()), start)  # type: ignore[arg-type]
    day = day_of(start)
    trained_until = day if first <= day - DAY else start
    counted = series.filter(pl.col("first_minute") < trained_until, pl.col("last_minute") >= trained_until - LAST)
    chosen = series if counted.is_empty() else counted
    named = tuple(chosen.select("metric", "attributes").iter_rows())
    return Plan(host, named, max(day_of(first), day - HISTORY), trained_until, None, tuple(chosen["unit"]))


def groups(
    plans: Sequence[Plan], end: int, most: int = MOST_CELLS, more: Callable[[Plan], int] = lambda _: 0
) -> Iterator[list[Plan]]:
    """The plans in groups that fit into memory with whatever `more` cells a plan takes; a host is never cut."""
    group: list[Plan] = []
    held = 0
    for plan in plans:
        cells = plan.cells(end) + more(plan)
        if group and held + cells > most:
            yield group
            group, held = [], 0
        group.append(plan)
        held += cells
    if group:
        yield group
