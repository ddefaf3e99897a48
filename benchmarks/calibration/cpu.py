"""How often hosts that are as busy as ever are called busy, and whether those that are not are found: made-up hosts through the SQL
and the functions of the findings `sustained_cpu` and `cpu_spike`.

Run as `python -m benchmarks.calibration.cpu [--weeks N] [--every-hours N] [--plants N] [--cost-hosts N] [--seed N]`. 20 hosts with
four weeks behind them are looked at every hour of so many weeks. Then so many times each of the calmer hosts has a 20-minute
saturation that ends at the look, or a burst of 3 to 10 minutes that ended within the last 50, for that look alone; from six o'clock
on, for beside a nightly job both are as usual. Last it times both on 200 hosts with 30 days of minutes. In less than two weeks luck
is allowed for (benchmarks/bars.py). Exits with 1 if a bar is missed.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import polars as pl

from benchmarks.bars import Bar, least_of, most_a_week
from storage.frames import registered
from storage.migrations import migrate
from storage.warehouse import connect
from tasks.insights.findings.cpu_spike import CPU_SPIKE
from tasks.insights.findings.kind import Kind
from tasks.insights.findings.sustained_cpu import SUSTAINED_CPU
from tasks.insights.macros import define_macros
from tasks.insights.statistics.intervals import Values
from tests.cpu_series import MINUTES, Host, use

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HISTORY = 28
"""Days before the first look."""
KINDS = (SUSTAINED_CPU, CPU_SPIKE)
CALM = {
    "noise": [Host(), Host(0.3), Host(0.1, 0.02), Host(0.25, 0.08)],
    "daily cycle": [Host(cycle=0.3), Host(0.1, cycle=0.4), Host(0.1, 0.03, 0.2)],
    "backup of an hour each night, at 90 %": [Host(job=60), Host(0.3, job=60), Host(cycle=0.3, job=60)],
    "job of three hours a week": [Host(job=180, job_level=0.97, job_every=7), Host(0.3, job=180, job_level=0.97, job_every=7)],
}
BUSY = {
    "daily cycle up to 85 %": [Host(0.25, cycle=0.6)],
    "burst each hour": [Host(cron=3), Host(0.3, cron=6), Host(cycle=0.3, cron=3)],
    "at 95 % by design": [Host(0.95, 0.02), Host(0.95, 0.04)],
    "bursts at any time, 3 a day": [Host(bursts=3), Host(0.3, bursts=3)],
}
FALSE_A_WEEK, FULL_WEEKS = 1.0, 2
SATURATION_FOUND, SPIKES_FOUND = 0.95, 0.90
SECONDS = 3.0
"""CPU seconds of two threads."""

Plant = Callable[[np.random.Generator], tuple[int, int, float]]
"""How many minutes before the look it ends, how long it lasts, and the share in use."""


def saturation(rng: np.random.Generator) -> tuple[int, int, float]:
    return 0, 20, float(rng.uniform(0.93, 1.0))


def burst(rng: np.random.Generator) -> tuple[int, int, float]:
    return int(rng.integers(0, 50)), int(rng.integers(3, 11)), float(rng.uniform(0.9, 1.0))


def filled(hosts: dict[str, Values]) -> duckdb.DuckDBPyConnection:
    """A warehouse in memory that holds what these hosts used, a sample a minute."""
    con = connect()
    migrate(con, BEGIN)
    define_macros(con)
    minutes = len(next(iter(hosts.values())))
    frame = pl.DataFrame({"minute": np.arange(minutes), **hosts}).unpivot(index="minute", variable_name="host", value_name="value")
    with registered(con, "frame", frame.sort("minute", "host")):
        con.execute(
            "INSERT INTO raw.system_metrics BY NAME SELECT host, 'system.cpu.utilization' AS metric, '' AS attributes,"
            " ?::TIMESTAMPTZ + to_minutes(minute) AS observed_at, value, 'ok' AS status FROM frame",
            [BEGIN],
        )
    return con


def found(con: duckdb.DuckDBPyConnection, kind: Kind, as_of: datetime) -> set[str]:
    """The hosts that have such a finding."""
    rows = con.execute(kind.select, {"as_of": as_of}).pl()
    return {finding["subject"].partition(" / ")[0] for finding in kind.findings(rows)}


def episodes(con: duckdb.DuckDBPyConnection, kind: Kind, looks: Iterable[datetime]) -> list[str]:
    """The host of each finding, once for all looks in a row that find it."""
    begun: list[str] = []
    before: set[str] = set()
    for as_of in looks:
        now = found(con, kind, as_of)
        begun += sorted(now - before)
        before = now
    return begun


def share_found(con: duckdb.DuckDBPyConnection, kind: Kind, plant: Plant, hosts: list[str], looks: list[datetime]) -> float:
    """Of what is put on each of the hosts for one look at a time."""
    rng = np.random.default_rng(7)
    hits = 0
    for as_of in looks:
        con.execute("BEGIN")
        for host in hosts:
            ended, minutes, share = plant(rng)
            end = as_of - timedelta(minutes=ended)
            con.execute(
                "UPDATE raw.system_metrics SET value = ? + 0.01 * (epoch(observed_at) % 7 / 7) - 0.005"
                " WHERE host = ? AND observed_at >= ? AND observed_at < ?",
                [share, host, end - timedelta(minutes=minutes), end],
            )
        hits += len(found(con, kind, as_of) & set(hosts))
        con.execute("ROLLBACK")
    return hits / (len(hosts) * len(looks))


def named(kinds: dict[str, list[Host]]) -> dict[str, Host]:
    return {f"{name}, {at}": host for name, hosts in kinds.items() for at, host in enumerate(hosts)}


def findings_hold(weeks: int, every_hours: int, plants: int, first_seed: int) -> list[Bar]:
    kinds = named({**CALM, **BUSY})
    con = filled({name: use(host, HISTORY + 7 * weeks, seed) for seed, (name, host) in enumerate(kinds.items(), first_seed)})
    first, is_full = BEGIN + timedelta(days=HISTORY, minutes=7), weeks >= FULL_WEEKS
    bars, most = [], most_a_week(FALSE_A_WEEK, weeks, is_full=is_full)
    for kind in KINDS:
        begun = episodes(con, kind, [first + timedelta(hours=hour) for hour in range(1, 168 * weeks, every_hours)])
        for name in sorted(set(begun)):
            print(f"  {kind.name} on {name}: {begun.count(name)}")
        bars.append(Bar(f"{kind.name}, false a week on {len(kinds)} hosts", len(begun) / weeks, most, is_most=True))
    rng = np.random.default_rng(3)
    drawn = rng.integers((0, 360), (7 * weeks, MINUTES), (plants, 2))
    looks = [first + timedelta(days=int(day), minutes=int(minute)) for day, minute in drawn]
    calm = list(named(CALM))
    for kind, plant, least in ((SUSTAINED_CPU, saturation, SATURATION_FOUND), (CPU_SPIKE, burst, SPIKES_FOUND)):
        share, planted = share_found(con, kind, plant, calm, looks), plants * len(calm)
        bars.append(Bar(f"{kind.name}, found of {planted:,} planted", share, least_of(least, planted, is_full=is_full)))
    con.close()
    return bars


def time_it(hosts: int) -> list[Bar]:
    """Nobody busy but one host in twenty, every host with a burst each hour, and all of them busy all the time."""
    calm, bursts, full = use(Host(), 30, 1), use(Host(cron=3), 30, 2), use(Host(0.95, 0.02), 30, 3)
    bars = []
    few = hosts // 20
    for name, busy, n in ((f"{few} with bursts", bursts, few), ("all with bursts", bursts, hosts), ("all busy", full, hosts)):
        con = filled({f"h{at}": busy if at < n else calm for at in range(hosts)})
        for kind in KINDS:
            started = time.process_time()
            found(con, kind, BEGIN + timedelta(days=30, minutes=-30))
            what = f"{kind.name}, CPU seconds, {hosts} hosts, {name}, 30 days"
            bars.append(Bar(what, time.process_time() - started, SECONDS, is_most=True))
        con.close()
    return bars


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=2)
    parser.add_argument("--every-hours", type=int, default=1, help="time between looks; what is over between two is not seen")
    parser.add_argument("--plants", type=int, default=60)
    parser.add_argument("--cost-hosts", type=int, default=200, help="hosts that it is timed on; 0 for not at all")
    parser.add_argument("--seed", type=int, default=100)
    options = parser.parse_args()
    bars = findings_hold(options.weeks, options.every_hours, options.plants, options.seed)
    bars += time_it(options.cost_hosts) if options.cost_hosts else []
    print(*bars, sep="\n")
    return int(not all(bar.holds() for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
