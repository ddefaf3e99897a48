"""What a benchmark must hold, and how it says whether it does."""

from dataclasses import dataclass

from scipy.stats import binom, poisson

LUCK = 0.01
"""In a reduced form a bar breaks where what is just good enough would come out so bad less often than that: with few trials luck
alone may miss the limit."""


def most_of(limit: float, trials: int, *, is_full: bool) -> float:
    """The greatest share of so many trials that holds a bar of at most `limit`."""
    return limit if is_full or not trials else float(binom.isf(LUCK, trials, limit)) / trials


def least_of(limit: float, trials: int, *, is_full: bool) -> float:
    """The least share of so many trials that holds a bar of at least `limit`."""
    return limit if is_full or not trials else float(binom.ppf(LUCK, trials, limit)) / trials


def most_a_week(limit: float, weeks: float, *, is_full: bool) -> float:
    """The most events a week that hold a bar of at most `limit` of them, in so many weeks."""
    return limit if is_full else float(poisson.isf(LUCK, limit * weeks)) / weeks


@dataclass(frozen=True)
class Bar:
    """A figure and its limit: at least so much, or at most."""

    what: str
    value: float
    limit: float
    is_most: bool = False

    def holds(self) -> bool:
        return self.value <= self.limit if self.is_most else self.value >= self.limit

    def __str__(self) -> str:
        limit = f"at {'most' if self.is_most else 'least'} {self.limit:g}"
        return f"{'holds ' if self.holds() else 'BROKEN'} {self.what}: {self.value:.3g}, {limit}"
