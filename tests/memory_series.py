"""Made-up memory of one host or process, of which it is known whether it leaks: samples every 5 minutes as hours of lows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tasks.insights.statistics.intervals import Values

SAMPLES = 12
"""Samples an hour."""
SCATTER = 0.01
"""Standard deviation of the autocorrelated part, of a level of 1."""
TAU_HOURS = 6.0
Shape = Callable[[np.random.Generator, Values], Values]
"""Of the hours since the beginning, a sample each, what is added to the level of 1."""


def warm_up(_: np.random.Generator, hours: Values) -> Values:
    """A cache that fills from the beginning on, by 30 %."""
    return 0.3 * (1 - np.exp(-hours / TAU_HOURS))


def warm_up_later(rng: np.random.Generator, hours: Values) -> Values:
    """The same from any hour on."""
    return 0.3 * (1 - np.exp(-np.maximum(hours - rng.uniform(0, hours[-1]), 0) / TAU_HOURS))


def step(rng: np.random.Generator, hours: Values) -> Values:
    """One deployment at any time."""
    return 0.15 * (hours >= rng.uniform(0, hours[-1]))


def daily(rng: np.random.Generator, hours: Values) -> Values:
    return 0.1 * np.sin(2 * np.pi * (hours / 24 + rng.uniform()))


def sawtooth(rng: np.random.Generator, hours: Values) -> Values:
    """Garbage that is collected every 20 minutes to 2 hours, by 10 %."""
    return 0.1 * ((hours / rng.uniform(1 / 3, 2) + rng.uniform()) % 1)


def autocorrelated(rng: np.random.Generator, n: int, phi: float) -> Values:
    """AR(1) of standard deviation `SCATTER`, from its stationary distribution on."""
    noise = rng.normal(0, SCATTER * np.sqrt(1 - phi**2), n)
    noise[0] = rng.normal(0, SCATTER)
    for i in range(1, n):
        noise[i] += phi * noise[i - 1]
    return noise


@dataclass(frozen=True)
class Memory:
    """What goes on in it: shapes that are added up, correlation from sample to sample, and a leak (% an hour)."""

    shapes: tuple[Shape, ...] = ()
    phi: float = 0.9
    leak: float = 0.0


def lows(memory: Memory, hours: int, seed: int) -> Values:
    """The least value of each hour, in the order of time."""
    rng = np.random.default_rng([seed, hours, round(1000 * memory.phi)])
    times = np.arange(hours * SAMPLES) / SAMPLES
    values = 1 + memory.leak / 100 * times + autocorrelated(rng, len(times), memory.phi)
    for shape in memory.shapes:
        values += shape(rng, times)
    return values.reshape(hours, SAMPLES).min(axis=1)


QUIET = {
    "autocorrelated .9": Memory(),
    "autocorrelated .98": Memory(phi=0.98),
    "cache warm-up": Memory((warm_up,)),
    "a step of 15 %": Memory((step,)),
    "daily cycle": Memory((daily,)),
    "sawtooth": Memory((sawtooth,)),
}
HARDER = {
    "cache warm-up at any hour": Memory((warm_up_later,)),
    "daily cycle and sawtooth": Memory((daily, sawtooth)),
    "daily cycle, autocorrelated .98": Memory((daily,), phi=0.98),
    "two steps": Memory((step, step)),
}
"""What does not leak, and what does not either."""


def leaking(percent_an_hour: float) -> dict[str, Memory]:
    return {
        "leak": Memory(leak=percent_an_hour),
        "leak, sawtooth": Memory((sawtooth,), leak=percent_an_hour),
        "leak, autocorrelated .98": Memory(phi=0.98, leak=percent_an_hour),
        "leak, daily cycle": Memory((daily,), leak=percent_an_hour),
    }
