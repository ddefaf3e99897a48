"""Whether `stands_still` of insights.scan_queues is right, on platforms of which it is known when their executors stood still.

Run as `python -m benchmarks.calibration.scan_queues [--weeks 52] [--platforms 4]`. Each platform is looked at every 15 minutes
through the insight's own SQL, with outages of the source in which its rows stay as they were last read. A stop counts as found if
it is said at the latest at the second extraction after two scans have waited for 10 minutes beside a free slot. Exits with 1 if a
bar is missed.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import duckdb
import numpy as np
import polars as pl

from benchmarks.bars import Bar
from storage.frames import registered
from storage.migrations import migrate
from storage.warehouse import connect
from tasks.insights.macros import define_macros
from tasks.insights.scan_queues import LEAST_SECONDS, LEAST_WAITING, SCAN_QUEUES
from tests.queues_at_work import BEGIN, EARLIEST_STOP_DAYS, Platform, as_read, simulate_platform

EVERY = 900.0
DAY = 86_400.0
KINDS = ((12, 2), (40, 6), (80, 8), (5, 1))
"""How many data sources are scanned, by how many slots."""
WINDOW_DAYS = 14


@dataclass(frozen=True)
class Count:
    """Stops, those found in time, times that a moving queue was said to stand still, and looks."""

    stops: int
    found: int
    false: int
    looks: int


def outages(rng: np.random.Generator, days: int) -> list[tuple[float, float]]:
    """One a week, for one to ten hours: the source cannot be read."""
    begins = rng.uniform(0, days * DAY, days // 7)
    return [(float(begin), float(begin + rng.uniform(1, 10) * 3600)) for begin in begins]


def looks(platform: Platform, down: list[tuple[float, float]], days: int) -> Iterator[tuple[float, float]]:
    """When it is looked at, and when the source had last been read; only where two scans wait that none has overtaken, and nothing
    has begun for as long as a queue must stand at least."""
    asked, begun = (platform.scans[name].to_numpy() for name in ("asked", "begun"))
    begun = np.where(np.isnan(begun), np.inf, begun)
    for at in np.arange(EARLIEST_STOP_DAYS * DAY, days * DAY, EVERY):
        read = at
        while any(begin <= read < end for begin, end in down):
            read -= EVERY
        overtaken_before = asked[begun < read].max(initial=0.0)
        if read - begun[begun < read].max(initial=0.0) < LEAST_SECONDS:
            continue
        if np.count_nonzero((asked < read) & (begun >= read) & (asked >= overtaken_before)) >= LEAST_WAITING:
            yield float(at), float(read)


def says_still(con: duckdb.DuckDBPyConnection, platform: Platform, at: float, read: float) -> bool:
    with registered(con, "rows_read", as_read(platform, read)):
        con.execute("DELETE FROM raw.scans")
        con.execute(
            "INSERT INTO raw.scans BY NAME FROM rows_read WHERE queued_at >= ?", [BEGIN + timedelta(seconds=at - WINDOW_DAYS * DAY)]
        )
    given = {"as_of": BEGIN + timedelta(seconds=at), "window_days": WINDOW_DAYS}
    return "stands_still" in SCAN_QUEUES.derived(SCAN_QUEUES.read(con, given), given)["verdict"].to_list()


def watch(kind: tuple[int, int], seed: int, weeks: int) -> Count:
    """What is said of one platform in so many weeks after its first month."""
    days, (sources, slots) = EARLIEST_STOP_DAYS + 7 * weeks, kind
    platform = simulate_platform(seed, days, sources, slots, stops=max(2, weeks))
    down = outages(np.random.default_rng(seed), days)
    con = connect()
    migrate(con, BEGIN)
    define_macros(con)
    every = list(looks(platform, down, days))
    said = {(at, read): says_still(con, platform, at, read) for at, read in every}
    due = {stop: limit for stop in platform.stops if (limit := found_by(platform, slots, stop, down)) is not None}
    found = sum(any(say and stop[0] <= read and at <= limit for (at, read), say in said.items()) for stop, limit in due.items())
    false = sum(say and not any(begin <= read <= end + EVERY for begin, end in platform.stops) for (_, read), say in said.items())
    return Count(len(due), found, false, len(every))


def found_by(platform: Platform, slots: int, stop: tuple[float, float], down: list[tuple[float, float]]) -> float | None:
    """The second extraction after two scans have waited for so long within the stop while a slot was free; None where the stop is
    over, or the source cannot be read, before."""
    scans = platform.scans.filter(pl.col("begun").is_not_nan())
    asked = scans.filter(pl.col("begun") >= stop[0], pl.col("asked") < stop[1])["asked"].to_numpy()
    running = scans.filter(pl.col("begun") < stop[0], pl.col("ended") >= stop[0])["ended"].to_numpy()
    if asked.size < LEAST_WAITING:
        return None
    free = stop[0] if running.size < slots else running.min()
    limit = (max(free, np.sort(asked)[LEAST_WAITING - 1]) + LEAST_SECONDS) // EVERY * EVERY + 2 * EVERY
    is_down = any(begin < limit and end > stop[0] for begin, end in down)
    return None if limit >= stop[1] or is_down else float(limit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--platforms", type=int, default=len(KINDS))
    asked = parser.parse_args()
    kinds = KINDS[: asked.platforms]
    with ProcessPoolExecutor(2) as pool:
        counts = list(pool.map(partial(watch, weeks=asked.weeks), kinds, range(len(kinds))))
    for (sources, slots), count in zip(kinds, counts, strict=True):
        print(f"{sources} sources, {slots} slots, {asked.weeks} weeks: {count}")
    share = sum(count.found for count in counts) / sum(count.stops for count in counts)
    bars = [
        Bar("stops found by the second extraction, share", share, 0.99),
        Bar("moving queues said to stand still", float(sum(count.false for count in counts)), 0.0, is_most=True),
    ]
    for bar in bars:
        print(bar)
    sys.exit(not all(bar.holds() for bar in bars))


if __name__ == "__main__":
    main()
