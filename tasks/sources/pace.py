"""How an extraction is getting on, for whoever waits for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tasks.wording import duration

REPORT_EVERY_SECONDS = 2.0


@dataclass(frozen=True)
class Pace:
    """Rows read so far, of how many where that is known, and seconds since the start."""

    dataset: str
    rows: int
    expected: int | None
    seconds: float

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def share(self) -> float | None:
        """How much of it is done, in [0, 1]."""
        return min(1.0, self.rows / self.expected) if self.expected else None

    @property
    def seconds_left(self) -> float | None:
        if not self.expected or not self.rows:
            return None
        return max(0.0, (self.expected - self.rows) / self.rows_per_second) if self.rows_per_second else None

    def __str__(self) -> str:
        of = f" of {self.expected:,}" if self.expected else ""
        left = f", {duration(self.seconds_left)} left" if self.seconds_left is not None else ""
        return f"{self.dataset}: {self.rows:,}{of} rows, {self.rows_per_second:,.0f} rows/s{left}"


OnPace = Callable[[Pace], None]


class Pacer:
    """Counts the rows of one dataset and reports every few seconds."""

    def __init__(self, dataset: str, expected: int | None, report: OnPace) -> None:
        self.dataset, self.expected, self.report = dataset, expected, report
        self.rows, self.started, self.reported = 0, time.monotonic(), time.monotonic()

    def add(self, rows: int) -> None:
        self.rows += rows
        now = time.monotonic()
        if now - self.reported >= REPORT_EVERY_SECONDS:
            self.reported = now
            self.report(Pace(self.dataset, self.rows, self.expected, now - self.started))
