"""Made-up filesystems of which it is known whether they fill: shares used, every 5 minutes or every minute."""

from dataclasses import dataclass

import numpy as np

from tasks.insights.statistics.intervals import Values

MINUTES = 1440


@dataclass(frozen=True)
class Disk:
    """What goes on on a filesystem; shares of its size.

    Attributes:
        base: what is used for good on the first day.
        growth: what is added to it each day.
        nightly, nightly_spread: temporary files of each night: from the one less the other to the one plus the other.
        is_normal: the spread is a standard deviation instead.
        spills: temporary files at any time, so many a day on average, of `spill` at most.
        logs: what logs grow by a day, until they are rotated once in `rotation` days.
    """

    base: float = 0.55
    growth: float = 0.0
    nightly: float = 0.2
    nightly_spread: float = 0.04
    is_normal: bool = False
    spills: float = 2.0
    spill: float = 0.05
    logs: float = 0.0015
    rotation: int = 7


def fill(disk: Disk, days: int, seed: int, minutes: int = 5) -> Values:
    """The share used, every so many minutes; above 1 where it would not fit."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, days * MINUTES, minutes, dtype=float)
    used = disk.base + disk.growth * times / MINUTES
    used += disk.logs * ((times / MINUTES + rng.uniform(0, disk.rotation)) % disk.rotation)
    begins = 120 + rng.uniform(-20, 20, days) + MINUTES * np.arange(days)
    scatter = rng.normal(0, 1, days) if disk.is_normal else rng.uniform(-1, 1, days)
    sizes = np.maximum(disk.nightly + disk.nightly_spread * scatter, 0)
    for begin, size in zip(begins, sizes, strict=True):
        used += _temporary(times, begin, size, rng.uniform(25, 45), rng.uniform(30, 120))
    for begin in rng.uniform(0, days * MINUTES, rng.poisson(disk.spills * days)):
        used += _temporary(times, begin, rng.uniform(0.01, disk.spill), rng.uniform(2, 10), rng.uniform(5, 60))
    return used + rng.normal(0, 0.0005, len(times))


def _temporary(times: Values, begin: float, size: float, writing: float, staying: float) -> Values:
    """A file that is written at one speed, stays for a while, and is deleted (minutes)."""
    return size * np.clip((times - begin) / writing, 0, 1) * (times < begin + writing + staying)


def run_away(used: Values, begin: int, rate: float, minutes: int = 1) -> Values:
    """A writer that adds `rate` a minute from the sample `begin` on, until the filesystem is full."""
    written = rate * minutes * np.maximum(np.arange(len(used)) - begin, 0)
    return np.minimum(used + written, 1.0)


def hours_of(used: Values) -> tuple[Values, Values]:
    """Mean and greatest value of each hour, of samples every 5 minutes, as `df` would have them: at most 1."""
    hours = np.clip(used, 0, 1).reshape(-1, 12)
    return hours.mean(axis=1), hours.max(axis=1)
