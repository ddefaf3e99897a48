"""Made-up series by the minute over a day, of which it is known what they have in common: nothing, or a cycle, or moments."""

from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np
import polars as pl
from scipy.signal import lfilter

from tasks.insights.metric_correlations import MINUTES, POINTS
from tasks.insights.statistics.intervals import Values

Draw = Callable[[np.random.Generator, int], Values]
"""So many series, of shape (series, MINUTES)."""
TIMES = np.arange(MINUTES)
CYCLE = np.sin(2 * np.pi * TIMES / MINUTES)
WARM_UP = 500


def noise(rng: np.random.Generator, series: int) -> Values:
    return rng.normal(size=(series, MINUTES))


def autocorrelated(rng: np.random.Generator, series: int, phi: float = 0.98) -> Values:
    """AR(1), from its stationary distribution on."""
    drawn: Values = lfilter([1], [1, -phi], rng.normal(size=(series, MINUTES + WARM_UP)), axis=1)[:, WARM_UP:]
    return drawn


def walk(rng: np.random.Generator, series: int) -> Values:
    return np.cumsum(noise(rng, series), axis=1)


def cycling(rng: np.random.Generator, series: int) -> Values:
    """One daily cycle in all, 2 to 10 times as large as the noise."""
    return rng.uniform(2, 10, (series, 1)) * CYCLE + noise(rng, series)


def cycling_widely(rng: np.random.Generator, series: int, most: float = 100) -> Values:
    """The same, up to `most` times as large as what autocorrelated noise is fed with, and no less than a fifth of that."""
    return rng.uniform(most / 5, most, (series, 1)) * CYCLE + autocorrelated(rng, series, 0.9)


def cycling_alone(rng: np.random.Generator, series: int) -> Values:
    return cycling_widely(rng, series, 1000)


def busy_by_day(rng: np.random.Generator, series: int) -> Values:
    """All scatter by day ten times as much as by night, each by itself."""
    return (5.5 + 4.5 * CYCLE) * noise(rng, series)


def hourly_jobs(rng: np.random.Generator, series: int) -> Values:
    """A job at the full hour in all, of a size that scatters by 30 % for each by itself."""
    spikes = rng.uniform(5, 20, (series, 1)) * (TIMES % 60 == 0) * (1 + 0.3 * noise(rng, series))
    return spikes + noise(rng, series)


def trending(rng: np.random.Generator, series: int) -> Values:
    return rng.uniform(0.1, 5, (series, 1)) * TIMES + autocorrelated(rng, series, 0.9)


def counters(rng: np.random.Generator, series: int) -> Values:
    """What is counted comes and goes with the day."""
    return np.cumsum(rng.poisson(20 * (1.2 + CYCLE), (series, MINUTES)), axis=1).astype(np.float64)


def bursts(rng: np.random.Generator, series: int) -> Values:
    """Nothing but in one minute of 25."""
    return (rng.random((series, MINUTES)) < 0.04) * rng.lognormal(3, 1, (series, MINUTES))


def outliers(rng: np.random.Generator, series: int) -> Values:
    return rng.standard_cauchy((series, MINUTES))


def smoothed(rng: np.random.Generator, series: int) -> Values:
    """As a load average of 15 minutes."""
    drawn: Values = lfilter([1], [1, -np.exp(-1 / 15)], autocorrelated(rng, series, 0.7), axis=1)
    return drawn


def working_hours(rng: np.random.Generator, series: int) -> Values:
    """All are 2 to 10 standard deviations higher between the same two minutes of the day."""
    return rng.uniform(2, 10, (series, 1)) * ((TIMES > 500) & (TIMES < 1000)) + noise(rng, series)


def own_jobs(rng: np.random.Generator, series: int) -> Values:
    """A job every 51 minutes in all, at the same ones."""
    spikes = rng.uniform(2, 6, (series, 1)) * (TIMES % 51 == 0) * (1 + 0.3 * noise(rng, series))
    return spikes + noise(rng, series)


QUIET: dict[str, Draw] = {
    "walk": walk,
    "autocorrelated .98": autocorrelated,
    "noise": noise,
    "one daily cycle": cycling,
    "one daily cycle, 20 to 100 fold": cycling_widely,
    "one daily cycle, 200 to 1,000 fold": cycling_alone,
    "scatter more by day": busy_by_day,
    "jobs at the full hour": hourly_jobs,
    "trends": trending,
    "counters with a daily cycle": counters,
    "bursts": bursts,
    "outliers": outliers,
    "smoothed": smoothed,
}
TOGETHER: dict[str, Draw] = {
    "one step up, one down": working_hours,
    "a job every 51 minutes": own_jobs,
}
"""What has nothing in common but cycles; and what moves together at some minutes, which a day cannot tell from a habit."""


def minute_rows(as_of: datetime, hosts: Mapping[str, Values]) -> pl.DataFrame:
    """As the SELECT yields them: metric `m00.x`, `m01.x`, ... of each host, NaN where a minute has no value."""
    rows = [
        {
            "as_of": as_of,
            "host": host,
            "metric": f"m{place:02}.x",
            "attributes": "",
            "operation": None,
            "minutes": pl.DataFrame({"minute": np.flatnonzero(np.isfinite(each)), "value": each[np.isfinite(each)]}).to_struct(),
        }
        for host, series in hosts.items()
        for place, each in enumerate(series)
    ]
    return pl.DataFrame(
        rows,
        schema={**dict.fromkeys(("host", "metric", "attributes", "operation"), pl.String())}
        | {"as_of": pl.Datetime("us", "UTC"), "minutes": POINTS},
    )
