"""Cuts between low, medium and high: the lowest at which each class keeps what is promised of it.

Sets differ: on some the first is right nine times in ten whatever the margin. In one heap with others, these set cuts that mislead
elsewhere. So what is promised is to be kept on each set by itself, with some room, because the lowest of a hundred cuts that keep a
promise keeps it partly by luck. The cuts of one heap stand beside, to show the difference.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

HIGH, MEDIUM, LOW = "high", "medium", "low"
CLASSES = (HIGH, MEDIUM, LOW)
PROMISED = {HIGH: 0.90, MEDIUM: 0.70}
ROOM = {HIGH: 0.02, MEDIUM: 0.05}
FEWEST = 5
"""So many domains of a set say something."""
GRID = [cut / 100 for cut in range(101)]
STEP = 0.05
"""What is shipped is rounded up to whole steps."""
Rule = Callable[[pl.DataFrame, str], bool]
"""Whether domains, called so, keep what is promised."""


@dataclass(frozen=True)
class Cuts:
    """From where on a domain is medium, and high; infinite where nothing is."""

    medium: float
    high: float

    def rounded(self) -> "Cuts":
        medium, high = (round(float(np.ceil(round(cut / STEP, 9))) * STEP, 2) for cut in (self.medium, self.high))
        return Cuts(medium, high)

    def classes(self, by: str) -> pl.Expr:
        value = pl.col(by)
        return pl.when(value >= self.high).then(pl.lit(HIGH)).when(value >= self.medium).then(pl.lit(MEDIUM)).otherwise(pl.lit(LOW))

    def __str__(self) -> str:
        return f"{self.medium:.2f} {self.high:.2f}"


def on_each_set(domains: pl.DataFrame, called: str) -> bool:
    """It is kept, with room, on each set that has enough such domains; and there is such a set."""
    shares = domains.group_by("set").agg(pl.col("is_right").mean(), pl.len()).filter(pl.col("len") >= FEWEST)["is_right"]
    return len(shares) > 0 and bool((shares >= PROMISED[called] + ROOM[called]).all())


def in_one_heap(domains: pl.DataFrame, called: str) -> bool:
    """It is kept over all domains."""
    return len(domains) >= FEWEST and bool(domains["is_right"].to_numpy().mean() >= PROMISED[called])


def choose(domains: pl.DataFrame, by: str, rule: Rule) -> Cuts:
    """The lowest cuts by a column of `domains`: first for high, then for medium below it."""
    high = _lowest(domains, by, np.inf, HIGH, rule)
    return Cuts(min(_lowest(domains, by, high, MEDIUM, rule), high), high)


def _lowest(domains: pl.DataFrame, by: str, below: float, called: str, rule: Rule) -> float:
    for cut in GRID:
        if cut < below and rule(domains.filter((pl.col(by) >= cut) & (pl.col(by) < below)), called):
            return cut
    return np.inf


def held_out(domains: pl.DataFrame, by: str, rule: Rule) -> tuple[dict[str, Cuts], pl.DataFrame]:
    """The cuts that the other sets choose for each set, and all domains with what they are `called` by these."""
    cuts, called = {}, []
    for (name,), mine in domains.group_by("set", maintain_order=True):
        cuts[str(name)] = choose(domains.filter(pl.col("set") != name), by, rule)
        called.append(mine.with_columns(called=cuts[str(name)].classes(by)))
    return cuts, pl.concat(called)
