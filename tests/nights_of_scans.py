"""Made-up scans that run once a night, of which it is known when each was done: late ones, failures with and without another try,
dead ones, and such whose durations change."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import polars as pl

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
INSTANT = pl.Datetime("us", "UTC")
DEADLINE_HOUR = 6.0
HOUR, DAY = 3600.0, 86_400.0


def simulate_nights(seed: int, sources: int, nights: int) -> pl.DataFrame:
    """The columns of raw.scans as they stand when all is over, one data source after the other, with `night`, the number of the
    deadline at 06:00 UTC that a run was requested for.

    Medians are 10 to 90 min, log sigmas .1 to .5, and the schedule leaves .8 to 2.5 medians until the deadline; 3 of 100 nights
    nothing is requested, 5 of 100 times it is late by an hour on average; 5 of 100 runs fail, half of these are run again; 1 of 100
    dies; a fifth of the scans takes 1.3 to 1.8 times as long, or as short, from some night on.
    """
    rng = np.random.default_rng(seed)
    frames = [_source(rng, f"source-{number:03}", nights) for number in range(sources)]
    scans = pl.concat(frames).with_row_index("number").with_columns(scan_id=pl.format("s{}", "number"), scan_type=pl.lit("full"))
    instants = ((pl.lit(BEGIN) + pl.duration(microseconds=(pl.col(name) * 1e6).cast(pl.Int64))).alias(name) for name in
                ("queued_at", "started_at", "finished_at", "updated_at"))  # fmt: skip
    return scans.with_columns(instants, source=pl.lit("made-up")).drop("number")


def _source(rng: np.random.Generator, name: str, nights: int) -> pl.DataFrame:
    median = float(np.exp(rng.uniform(np.log(600), np.log(5400))))
    sigma, room = rng.uniform(0.1, 0.5), rng.uniform(0.8, 2.5)
    change = rng.uniform(1.3, 1.8) ** rng.choice([-1, 1]) if rng.random() < 0.2 else 1.0
    changes_at = rng.integers(0, nights)
    rows: list[tuple[int, float, float | None, str]] = []
    for night in range(nights):
        if rng.random() < 0.03:
            continue
        asked = night * DAY + DEADLINE_HOUR * HOUR - room * median + rng.normal(0, 120.0)
        asked += rng.exponential(HOUR) if rng.random() < 0.05 else 0.0
        level = median * (change if night >= changes_at else 1.0)
        rows += _runs(rng, night, asked, lambda level=level: float(level * np.exp(sigma * rng.standard_normal())))
    return pl.DataFrame(
        {
            "data_source": [name] * len(rows),
            "night": [night for night, _, _, _ in rows],
            "status": [status for _, _, _, status in rows],
            "queued_at": [asked for _, asked, _, _ in rows],
            "started_at": [asked + 5.0 for _, asked, _, _ in rows],
            "finished_at": [ended for _, _, ended, _ in rows],
            "updated_at": [asked + 5.0 if ended is None else ended for _, asked, ended, _ in rows],
        },
        schema_overrides={"finished_at": pl.Float64},
    )


def _runs(
    rng: np.random.Generator, night: int, asked: float, length: Callable[[], float]
) -> list[tuple[int, float, float | None, str]]:
    """What is requested of one night: night, asked, ended, status."""
    fate = rng.random()
    if fate < 0.01:
        return [(night, asked, None, "running")]
    if fate > 0.06:
        return [(night, asked, asked + length(), "succeeded")]
    failed = asked + length() * rng.uniform(0.1, 1.0)
    first = (night, asked, failed, "failed")
    if rng.random() < 0.5:
        return [first]
    again = failed + rng.uniform(60, 1200)
    return [first, (night, again, again + length(), "succeeded")]
