"""Whether filesystems that are emptied by habit or resized, and page cache of containers, raise no false alarm, and growth does.

Run as `python -m benchmarks.calibration.habits [--runs 200]`: so many hosts of each kind live a hundred days. insights.forecasts is
computed once a day through its own SQL, from the day on that a habit can be known. Critical is what the findings say is critical:
full within three days, or within one for memory. Exits with 1 if a bar is missed.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import duckdb
import numpy as np
import polars as pl

from benchmarks.bars import Bar, least_of
from storage.frames import registered
from storage.migrations import migrate
from storage.warehouse import connect
from tasks.insights.findings.disk_full import CRITICAL_DAYS
from tasks.insights.findings.memory_leak import CRITICAL_HOURS
from tasks.insights.forecasts import FORECASTS, read_days, without_habit
from tasks.insights.insight import Insight
from tasks.insights.macros import define_macros
from tasks.insights.statistics.intervals import Values
from tests.disk_series import Disk, fill, hours_of

DAYS, BEGIN = 100, datetime(2026, 1, 1, tzinfo=UTC)
MONTHLY_DAY = 65
"""A monthly habit has been seen twice by then."""
AHEAD, WARNED = (10.0, 20.0), 0.98
FULL_RUNS = 200
SIZE, GB = 500e9, 1e9
Series = Iterator[tuple[str, str, Values, Values]]
"""Metric, attributes, and mean and greatest value of each hour."""


def disk(used: Values, sizes: Values) -> Series:
    """A filesystem in shares and in bytes, of shares of `SIZE` every five minutes, and what its size is in each hour (By)."""
    means, highs = hours_of(used)
    yield "system.filesystem.utilization", "mountpoint=/", means * SIZE / sizes, highs * SIZE / sizes
    yield "system.filesystem.usage", "mountpoint=/,state=used", means * SIZE, highs * SIZE
    yield "system.filesystem.usage", "mountpoint=/,state=free", sizes - means * SIZE, sizes - means * SIZE


def of_one_size(what: Disk, seed: int) -> Series:
    return disk(fill(what, DAYS, seed), np.full(24 * DAYS, SIZE))


def resized(what: Disk, ratio: float, seed: int) -> Series:
    at = np.random.default_rng(seed).integers(24 * 50, 24 * (DAYS - 10))
    return disk(fill(what, DAYS, seed), np.where(np.arange(24 * DAYS) < at, SIZE, SIZE * ratio))


def page_cache(seed: int) -> Series:
    """The kernel keeps what a container reads until its limit is near; every week it is started again. Its host has 60 GB."""
    rng = np.random.default_rng(seed)
    hours = np.arange(24.0 * DAYS)
    held, reads, phase = rng.uniform(1, 3) * GB, rng.uniform(0.05, 0.5) * GB, rng.uniform(0, 168)
    usage = np.minimum(held + reads * ((hours + phase) % 168), 7.8 * GB) + rng.normal(0, 0.02 * GB, hours.size)
    available = 60 * GB + 0.5 * GB * np.sin(hours / 24 * 2 * np.pi) + rng.normal(0, 0.1 * GB, hours.size)
    for metric, values in (("usage", usage), ("limit", np.full(hours.size, 8 * GB))):
        yield f"container.memory.{metric}", "", values, values
    yield "system.memory.available", "", available, available


@dataclass(frozen=True)
class Kind:
    """Of hosts: how they live, by their seed; whether nothing is wrong with them; from which day on they are looked at."""

    live: Callable[[int], Series]
    is_quiet: bool = True
    since: int = 40


KINDS = {
    "logs rotated daily": Kind(partial(of_one_size, Disk(0.5, nightly=0.05, logs=0.3, rotation=1))),
    "logs rotated weekly": Kind(partial(of_one_size, Disk(0.5, nightly=0.02, nightly_spread=0.01, logs=0.05))),
    "logs rotated monthly": Kind(
        partial(of_one_size, Disk(0.45, nightly=0.02, nightly_spread=0.01, logs=0.015, rotation=30)), since=MONTHLY_DAY
    ),
    "made twice as large": Kind(partial(resized, Disk(0.7, nightly=0.1), 2.0)),
    "made smaller by half": Kind(partial(resized, Disk(0.3, nightly=0.1), 0.5)),
    "page cache": Kind(page_cache),
    "1 % a day": Kind(partial(of_one_size, Disk(0.1, growth=0.01)), is_quiet=False),
}


def hourly(kind: Kind, runs: int) -> pl.DataFrame:
    hours = pl.datetime_range(BEGIN, BEGIN + timedelta(days=DAYS), "1h", closed="left", time_zone="UTC", eager=True)
    frames = [
        pl.DataFrame({"hour_at": hours, "mean": means, "max": highs}).with_columns(
            host=pl.lit(f"h{seed}"), metric=pl.lit(metric), attributes=pl.lit(attributes), min=pl.col("mean")
        )
        for seed in range(runs)
        for metric, attributes, means, highs in kind.live(seed)
    ]
    return pl.concat(frames).with_columns(as_of=BEGIN, samples=240, missing=0, p95=pl.col("max"))


def forecasts(con: duckdb.DuckDBPyConnection, as_of: datetime) -> pl.DataFrame:
    given = {"as_of": as_of}
    insight: Insight = FORECASTS
    series = insight.read(con, given)
    frame = insight.derived(series, given)
    near = frame.filter(pl.col("metric") == "system.filesystem.utilization", pl.col("crosses_at").is_not_null())
    sizes = series.select("host", "metric", "attributes", "size")
    return without_habit(frame, read_days(con, near.join(sizes, on=["host", "metric", "attributes"]), as_of))


def watch(name: str, runs: int) -> pl.DataFrame:
    """Every warning: host, day, days until it is full, and whether it is critical."""
    kind, con = KINDS[name], connect()
    migrate(con, BEGIN)
    define_macros(con)
    with registered(con, "hours", hourly(kind, runs)):
        con.execute("INSERT INTO insights.system_metrics_hourly BY NAME FROM hours")
    seen = []
    for day in range(kind.since, DAYS + 1):
        as_of = BEGIN + timedelta(days=day)
        left = (pl.col("crosses_at") - as_of).dt.total_seconds() / 86_400
        most = pl.when(pl.col("metric").str.contains("memory")).then(CRITICAL_HOURS / 24).otherwise(CRITICAL_DAYS)
        told = forecasts(con, as_of).filter(pl.col("crosses_at").is_not_null())
        seen.append(told.select("host", day=pl.lit(day), left=left, is_critical=left <= most))
    con.close()
    return pl.concat(seen)


def full_days(kind: Kind, runs: int) -> dict[str, float]:
    """When each is full for the first time (days)."""
    highs = {f"h{seed}": next(iter(kind.live(seed)))[3] for seed in range(runs)}
    return {host: float(np.flatnonzero(high >= 1)[0]) / 24 for host, high in highs.items() if (high >= 1).any()}


def bars_of(name: str, seen: pl.DataFrame, runs: int) -> Iterator[Bar]:
    if KINDS[name].is_quiet:
        days = runs * (DAYS + 1 - KINDS[name].since)
        print(f"{name}: {seen['host'].n_unique()} of {runs} ever warned of, {seen.height} warnings on {days} days")
        yield Bar(f"{name}: false critical", float(seen["is_critical"].sum()), 0.0, is_most=True)
        return
    full = full_days(KINDS[name], runs)
    first = dict(seen.group_by("host").agg(pl.col("day").min()).iter_rows())
    leads = np.array([day - first.get(host, day) for host, day in full.items()])
    spread = np.percentile(leads, [0, 50, 100]).round(1).tolist()
    print(f"{name}: {len(full)} get full, warned of {spread} days ahead (least, median, most)")
    in_time = float(np.mean((leads >= AHEAD[0]) & (leads <= AHEAD[1])))
    yield Bar(f"{name}: warned 10 to 20 days ahead, share", in_time, least_of(WARNED, len(full), is_full=runs >= FULL_RUNS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=FULL_RUNS)
    runs = parser.parse_args().runs
    with ProcessPoolExecutor(2) as pool:
        watched = list(pool.map(partial(watch, runs=runs), KINDS))
    bars = [bar for name, seen in zip(KINDS, watched, strict=True) for bar in bars_of(name, seen, runs)]
    print(*bars, sep="\n")
    sys.exit(not all(bar.holds() for bar in bars))


if __name__ == "__main__":
    main()
