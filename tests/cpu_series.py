"""Made-up hosts of which it is known how busy they are: the share of all CPUs in use, every minute."""

from dataclasses import dataclass

import numpy as np

from tasks.insights.statistics.intervals import Values

MINUTES = 1440


@dataclass(frozen=True)
class Host:
    """What goes on on a host; shares of all CPUs, minutes.

    Attributes:
        base, scatter: what is in use, and the standard deviation of what comes and goes (AR(1), .9 a minute).
        cycle: what is added in the middle of the day.
        job, job_level, job_every: a job of so many minutes on average (two thirds to four thirds of them), once in so many days,
            within 20 minutes of two o'clock.
        cron: a burst of so many minutes (half to one and a half times) at the beginning of each hour.
        bursts: bursts of 3 to 12 minutes at any time, so many a day on average.
    """

    base: float = 0.15
    scatter: float = 0.05
    cycle: float = 0.0
    job: float = 0.0
    job_level: float = 0.9
    job_every: int = 1
    cron: float = 0.0
    bursts: float = 0.0


def use(host: Host, days: int, seed: int) -> Values:
    """The share in use in each minute."""
    rng = np.random.default_rng(seed)
    n = days * MINUTES
    used = host.base + _noise(rng, n, host.scatter)
    used += host.cycle * np.clip(np.sin(2 * np.pi * (np.arange(n) / MINUTES - 0.25)), 0, 1)
    for day in range(int(rng.integers(host.job_every)), days, host.job_every):
        begin = day * MINUTES + round(120 + rng.uniform(-20, 20))
        end = begin + round(host.job * rng.uniform(2 / 3, 4 / 3))
        used[begin:end] = host.job_level + _noise(rng, MINUTES, 0.03)[: len(used[begin:end])]
    for hour in range(24 * days if host.cron else 0):
        used[60 * hour : 60 * hour + round(host.cron * rng.uniform(0.5, 1.5))] += 0.8
    for begin in rng.integers(0, n, rng.poisson(host.bursts * days)):
        used[begin : begin + rng.integers(3, 13)] += 0.8
    return np.clip(used, 0.0, 1.0)


def _noise(rng: np.random.Generator, n: int, scatter: float) -> Values:
    """AR(1) with .9 from minute to minute, from its stationary distribution on."""
    steps = rng.normal(0, scatter * np.sqrt(1 - 0.81), n)
    steps[0] = rng.normal(0, scatter)
    for at in range(1, n):
        steps[at] += 0.9 * steps[at - 1]
    return steps
