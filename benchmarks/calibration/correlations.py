"""Whether metrics that have nothing to do with each other are called correlated, and whether a lag of 5 minutes is found.

Run as `python -m benchmarks.calibration.correlations [--hosts N] [--pairs N] [--cost-hosts N] [--data FOLDER] [--barred]`. All
goes through the pure functions of insights.metric_correlations. A host has 40 metrics, each of a family of its own, over the 24
hours that are looked at; a run is one host, so that a host with a false report is a run with one. Labelled machines, where they
are there, stand for real cycles: metrics of a day are held against those of a day three days later, each machine and day a run.
Planted are pairs of series, the second of which follows the first by 5 minutes under noise of its own, every pair on a host of its
own amid 38 walks. With fewer than 200 hosts or pairs luck is allowed for (benchmarks/bars.py). Exits with 1 if a bar is missed.
"""

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import false_discovery_control

from benchmarks.anomalies.labelled import DEFAULT_FOLDER, Machine, read_machines
from benchmarks.bars import Bar, least_of, most_of
from tasks.insights.correlations.innovations import innovations
from tasks.insights.correlations.pairs import FALSE_DISCOVERIES, Series, across, correlations
from tasks.insights.metric_correlations import MINUTES, derive_correlations, in_order, significant_pairs
from tasks.insights.statistics.intervals import Values
from tests.minute_series import QUIET, TOGETHER, autocorrelated, minute_rows, noise, walk

METRICS, LAG, APART = 40, 5, 3
PAIRS = METRICS * (METRICS - 1) // 2
REPORTED, HOSTS = 0.05, 0.10
"""Most of the pairs, and of the hosts with any of them; the latter is meant to be 5 %, give or take the chance of 200 hosts."""
FULL = 200
STRENGTHS, BARRED, RIGHT = (0.2, 0.3, 0.5, 1.0, -0.5), 0.5, 0.95
SECONDS = 30.0
AS_OF = datetime(2026, 11, 25, 12, tzinfo=UTC)
LEADERS: dict[str, Callable[[np.random.Generator, int], Values]] = {
    "noise": noise,
    "autocorrelated .9": partial(autocorrelated, phi=0.9),
    "walk": walk,
}


def reported(seed: int, kind: str) -> int:
    """How many pairs of a host are called correlated, before those that say the same are left out of the table."""
    draw = np.random.default_rng([seed, *kind.encode()])
    return significant_pairs(in_order(minute_rows(AS_OF, {"h1": {**QUIET, **TOGETHER}[kind](draw, METRICS)}))).height


def planted(leader: str, noise_kind: str, strength: float, pairs: int) -> tuple[float, float, float]:
    """Shares found, and found with the right lag, sign and order; and the size of the correlation."""
    draw = np.random.default_rng([round(1000 * abs(strength)), *leader.encode(), *noise_kind.encode()])
    leads = LEADERS[leader](draw, pairs)
    follows = strength * np.roll(leads, LAG, axis=1) + LEADERS[noise_kind](draw, pairs)
    hosts = {f"h{i:03}": np.stack([leads[i], follows[i], *walk(draw, METRICS - 2)]) for i in range(pairs)}
    table = derive_correlations(minute_rows(AS_OF, hosts))
    found = table.filter(pl.concat_list("metric", "other_metric").list.sort() == pl.lit(["m00.x", "m01.x"]))
    is_right = (found["lag_minutes"] == LAG) & (found["metric"] == "m00.x") & (found["correlation"].sign() == np.sign(strength))
    return found.height / pairs, int(is_right.sum()) / pairs, float(found["correlation"].abs().mean() or 0.0)


def quiet_bars(hosts: int, barred_only: bool) -> list[Bar]:
    bars, most_hosts = [], most_of(HOSTS, hosts, is_full=hosts >= FULL)
    print(f"{'nothing in common':<34} {'pairs':>8} {'hosts':>7}")
    for kind in QUIET if barred_only else (*QUIET, *TOGETHER):
        with ProcessPoolExecutor(2) as pool:
            counts = np.array(list(pool.map(partial(reported, kind=kind), range(hosts), chunksize=4)))
        share, any_host = counts.sum() / hosts / PAIRS, float(np.mean(counts > 0))
        print(f"{kind:<34} {share:>8.5f} {any_host:>7.3f}")
        if kind in QUIET:
            bars.append(Bar(f"pairs reported, {kind}", share, REPORTED, is_most=True))
            bars.append(Bar(f"hosts with a report, {kind}", any_host, most_hosts, is_most=True))
    return bars


def other_day(machine: Machine) -> list[tuple[int, int]]:
    """Pairs reported and tested, by day."""
    levels = np.concatenate([machine.history, machine.window], axis=1).astype(np.float64)
    days = [levels[:, start : start + MINUTES] for start in range(0, levels.shape[1] - MINUTES + 1, MINUTES)]
    series = [Series(np.arange(len(day)), machine.metrics, innovations(day)) for day in days]
    counts = []
    for one, other in zip(series, series[APART:], strict=False):
        tested = across(one, other)
        q_values = false_discovery_control(tested.p_value) if tested.p_value.size else tested.p_value
        kept = q_values <= FALSE_DISCOVERIES
        counts.append((correlations(one, other, tested.kept(kept), q_values[kept]).height, tested.p_value.size))
    return counts


def machine_bars(folder: Path) -> list[Bar]:
    machines = read_machines(folder)
    if not machines:
        print(f"not measured: no labelled machines in {folder}")
        return []
    print(f"{'metrics of a day, of 3 days later':<34} {'pairs':>8} {'days':>7} {'worst day':>9}")
    total = []
    for machine in machines:
        counts = np.array(other_day(machine))
        shares = counts[:, 0] / np.maximum(counts[:, 1], 1)
        total.append(counts)
        share = counts[:, 0].sum() / max(counts[:, 1].sum(), 1)
        print(f"{machine.name:<34} {share:>8.5f} {np.mean(counts[:, 0] > 0):>7.3f} {shares.max():>9.3f}")
    reported, tested = np.concatenate(total).sum(axis=0)
    return [Bar(f"pairs reported of {tested:,}, machines, another day", reported / tested, REPORTED, is_most=True)]


def planted_bars(pairs: int, barred_only: bool) -> list[Bar]:
    bars, least = [], least_of(RIGHT, pairs, is_full=pairs >= FULL)
    print(f"{'a lag of 5 min: leader, noise':<38} {'strength':>8} {'found':>6} {'right':>6} {'correlation':>11}")
    for leader in LEADERS:
        for noise_kind in LEADERS:
            for strength in STRENGTHS if not barred_only else [each for each in STRENGTHS if abs(each) >= BARRED]:
                found, right, size = planted(leader, noise_kind, strength, pairs)
                print(f"{leader + ', ' + noise_kind:<38} {strength:>8} {found:>6.3f} {right:>6.3f} {size:>11.2f}")
                if abs(strength) >= BARRED:
                    bars.append(Bar(f"lag and sign right, {leader}, {noise_kind}, {strength}", right, least))
    return bars


def cost_bar(hosts: int) -> Bar:
    """Seconds for so many hosts of 40 metrics and 20 operations, from the lists that the SELECT yields on."""
    draw = np.random.default_rng(0)
    host_rows = minute_rows(AS_OF, {f"h{i:03}": walk(draw, METRICS) for i in range(hosts)})
    operations = minute_rows(AS_OF, {"o": noise(draw, 60)}).with_columns(
        operation=pl.format("GET /{}", pl.int_range(60) % 20), metric=pl.format("m{}", pl.int_range(60) // 20), host=pl.lit(None)
    )
    rows = pl.concat([host_rows, operations], how="vertical_relaxed")
    started = time.monotonic()
    derive_correlations(rows)
    return Bar(
        f"seconds for {hosts} hosts x {METRICS} metrics x {MINUTES} min and 60 series of operations",
        time.monotonic() - started,
        SECONDS,
        True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--cost-hosts", type=int, default=200, help="hosts that it is timed on; 0 for not at all")
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="where the labelled machines lie")
    parser.add_argument("--barred", action="store_true", help="only what there is a bar for")
    options = parser.parse_args()
    bars = [*quiet_bars(options.hosts, options.barred), *machine_bars(options.data), *planted_bars(options.pairs, options.barred)]
    bars += [cost_bar(options.cost_hosts)] if options.cost_hosts else []
    for bar in bars:
        print(bar)
    is_met = all(bar.holds() for bar in bars)
    print(f"bars: {'met' if is_met else 'missed'}")
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
