"""What a benchmark must hold, and how it says whether it does."""

from dataclasses import dataclass


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
