"""Whether filesystems are warned of in time, and none that does not fill: on made-up ones of which the truth is known.

Run as `python -m benchmarks.calibration.disk_forecasts [--runs N] [--barred]`. The forecasts go through the pure function of
insights.forecasts, looked at every 6 hours from the first day on; the alert `disk_filling_fast` through its own SQL, every 5
minutes. With fewer than 100 runs luck is allowed for (benchmarks/bars.py). Exits with 1 if a bar is missed.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import duckdb
import numpy as np
import polars as pl

from benchmarks.bars import Bar, least_of, most_of
from storage.migrations import migrate
from storage.warehouse import connect
from tasks.alerts.rule import Rule
from tasks.alerts.rules import SHIPPED, read_rules
from tasks.alerts.states import severity_of
from tasks.insights.hosts.filling import HOURS
from tasks.insights.hosts.forecasting import Forecast, Hours, forecast
from tasks.insights.statistics.intervals import Values
from tests.disk_series import MINUTES, Disk, fill, hours_of, run_away

QUIET = {
    "without growth": (Disk(), True),
    "without growth, 60 % used": (Disk(0.6), True),
    "no temporary files": (Disk(0.8, nightly=0, nightly_spread=0, spills=0), True),
    "logs of 5 %, rotated daily": (Disk(logs=0.05, rotation=1), True),
    "logs of 7 %, rotated weekly": (Disk(logs=0.01), True),
    "the same, peaks near 97 %": (Disk(0.6, logs=0.01), False),
}
"""And whether there is a bar."""
GROWING = {
    "1 % a day": (Disk(0.3, growth=0.01), True),
    "1 % a day, known for 10 days when due": (Disk(0.52, growth=0.01), True),
    "1 % a day, logs rotated daily": (Disk(0.3, growth=0.01, logs=0.02, rotation=1), True),
    "1 % a day, no temporary files": (Disk(0.5, growth=0.01, nightly=0, nightly_spread=0), True),
    "1 % a day, logs of 2.8 %": (Disk(0.3, growth=0.01, logs=0.004), False),
    "1 % a day, nights normal, sd 4 %": (Disk(0.3, growth=0.01, is_normal=True), False),
    "0.5 % a day": (Disk(0.5, growth=0.005), False),
}
AHEAD, WARNED = (10.0, 20.0), 0.95
LOOK_HOURS, DAYS = 6, 70
FULL_RUNS = 100
WITHIN_MINUTES, CAUGHT, FALSE = 15, 0.97, 1 / 5000
"""A temporary file that is deleted in these minutes hides a runaway, which no rule can tell from a pause."""
RATES = (0.03, 0.02, 0.01, 0.007, 0.005)
BARRED_RATES = RATES[:3]
LOOKS = range(8 * MINUTES, 9 * MINUTES, 5)
GROUPS = range(1000, 2000, 200)
"""First seeds of filesystems that the rule was not made on."""
STARTS = {"by day": 8 * MINUTES + 601, "by day, last look after 11 min": 8 * MINUTES + 604, "at night": 8 * MINUTES + 138}
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Score:
    """Of runs: episodes of warnings, leads (days, 0 without one), and whether the interval held at each warning a day."""

    episodes: int = 0
    warned: int = 0
    leads: list[float] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)


def look(means: Values, highs: Values, hour: int) -> Forecast:
    """The forecast after so many hours."""
    kept = np.arange(max(0, hour - HOURS), hour)
    ages = hour - 1 - kept
    return forecast(Hours(ages[::-1], *(values[kept][::-1] for values in (means, means, highs))), 1.0, is_filesystem=True)


def watch(seed: int, disk: Disk) -> Score:
    """One run, until it is full for the first time."""
    used = fill(disk, DAYS, seed)
    full = np.flatnonzero(used >= 1)
    end = full[0] / 12 if len(full) else 24.0 * DAYS
    means, highs = hours_of(used)
    score, is_warned, first = Score(), False, None
    for hour in range(LOOK_HOURS, int(end) + 1, LOOK_HOURS):
        seen = look(means, highs, hour)
        if seen.crosses is not None:
            score.episodes += not is_warned
            first = first or hour
            if len(full) and hour % 24 == 0:
                score.held.append(seen.crosses_low <= (end - hour) / 24 <= (seen.crosses_high or np.inf))
        is_warned = seen.crosses is not None
    score.warned = int(first is not None)
    if len(full):
        score.leads.append((end - first) / 24 if first else 0.0)
    return score


def watch_all(disk: Disk, runs: int) -> Score:
    total = Score()
    with ProcessPoolExecutor(2) as pool:
        for score in pool.map(partial(watch, disk=disk), range(runs)):
            total.episodes += score.episodes
            total.warned += score.warned
            total.leads += score.leads
            total.held += score.held
    return total


def kept(disks: dict[str, tuple[Disk, bool]], barred_only: bool) -> dict[str, tuple[Disk, bool]]:
    return {name: (disk, is_barred) for name, (disk, is_barred) in disks.items() if is_barred or not barred_only}


def forecasts_hold(runs: int, barred_only: bool) -> bool:
    is_met, least = True, least_of(WARNED, runs, is_full=runs >= FULL_RUNS)
    print(f"{'filesystem':<34} {'warned':>7} {'episodes':>9}")
    for name, (disk, is_barred) in kept(QUIET, barred_only).items():
        score = watch_all(disk, runs)
        verdict = ("holds" if score.episodes == 0 else "BROKEN") if is_barred else "no bar"
        is_met &= verdict != "BROKEN"
        print(f"{name:<34} {score.warned:>7} {score.episodes:>9}  {verdict}, of {runs} runs of {DAYS} days")
    print(f"{'filesystem':<34} {'10-20 d':>7} {'lead: least, 2.5 %, median, 97.5 %':>36} {'episodes':>9} {'interval':>9}")
    for name, (disk, is_barred) in kept(GROWING, barred_only).items():
        score = watch_all(disk, runs)
        leads = np.array(score.leads)
        share = float(np.mean((leads >= AHEAD[0]) & (leads <= AHEAD[1])))
        verdict = ("holds" if share >= least else "BROKEN") if is_barred else "no bar"
        is_met &= verdict != "BROKEN"
        spread = "  ".join(f"{lead:5.1f}" for lead in np.percentile(leads, [0, 2.5, 50, 97.5]))
        print(f"{name:<34} {share:>7.3f} {spread:>36} {score.episodes / runs:>9.2f} {np.mean(score.held):>9.3f}  {verdict}")
    return is_met


def filled(con: duckdb.DuckDBPyConnection, disks: dict[str, Values]) -> None:
    """Let raw.system_metrics hold these filesystems, a sample a minute."""
    con.execute("DELETE FROM raw.system_metrics")
    for host, used in disks.items():
        frame = pl.DataFrame({"minute": np.arange(len(used)), "value": np.clip(used, 0, 1)})
        con.register("frame", frame)
        con.execute(
            "INSERT INTO raw.system_metrics BY NAME SELECT ? AS host, 'system.filesystem.utilization' AS metric,"
            " 'mountpoint=/' AS attributes, ?::TIMESTAMPTZ + to_minutes(minute) AS observed_at, value, 'ok' AS status FROM frame",
            [host, BEGIN],
        )
        con.unregister("frame")


def firing(con: duckdb.DuckDBPyConnection, rule: Rule, minute: int) -> set[str]:
    """The hosts for which the rule fires at that minute."""
    rows = con.execute(rule.sql, {"as_of": BEGIN + timedelta(minutes=minute)}).pl()
    return {row["subject"] for row in rows.iter_rows(named=True) if severity_of(rule, row["value"])}


def false_looks(con: duckdb.DuckDBPyConnection, rule: Rule, disks: dict[str, Values]) -> int:
    """How often it fires on a ninth day on which nothing runs away."""
    filled(con, disks)
    return sum(len(firing(con, rule, minute)) for minute in LOOKS)


def caught(con: duckdb.DuckDBPyConnection, rule: Rule, disks: dict[str, Values], start: int, rate: float) -> int:
    """Of how many filesystems it tells in time that a writer has begun."""
    filled(con, {host: run_away(used, start, rate) for host, used in disks.items()})
    looks = range(start - start % 5 + 5, start + WITHIN_MINUTES + 1, 5)
    return len(set().union(*(firing(con, rule, minute) for minute in looks)))


def runaways_hold(runs: int, barred_only: bool, is_full: bool) -> bool:
    """Writers that begin on a ninth day, at ten in the morning, and while the nightly files are written."""
    rule = next(rule for rule in read_rules(SHIPPED) if rule.name == "disk_filling_fast")
    con = connect()
    migrate(con, BEGIN)
    disks = {f"h{seed}": fill(Disk(0.55), 9, seed, 1) for first in GROUPS for seed in range(first, first + runs)}
    total = len(disks)
    looks, least = total * len(LOOKS), least_of(CAUGHT, total, is_full=is_full)
    false, most = false_looks(con, rule, disks), most_of(FALSE, looks, is_full=is_full)
    bars = [Bar(f"disk_filling_fast without a runaway, {false} of {looks:,} looks", false / looks, most, is_most=True)]
    for rate in BARRED_RATES if barred_only else RATES:
        shares = {}
        for name, start in STARTS.items() if not barred_only else [("by day", STARTS["by day"])]:
            shares[name] = caught(con, rule, disks, start, rate) / total
        if rate in BARRED_RATES:
            bars.append(Bar(f"{100 * rate:g} % a minute by day, caught within {WITHIN_MINUTES} min", shares["by day"], least))
        told = "; ".join(f"{share:.2f} {name}" for name, share in shares.items())
        print(f"  {100 * rate:.1f} % a minute, caught within {WITHIN_MINUTES} min: {told}")
    con.close()
    print(*bars, sep="\n")
    return all(bar.holds() for bar in bars)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--barred", action="store_true", help="only what there is a bar for")
    options = parser.parse_args()
    is_met = forecasts_hold(options.runs, options.barred)
    is_met &= runaways_hold(max(4, options.runs // 5), options.barred, options.runs >= FULL_RUNS)
    print(f"bars: {'met' if is_met else 'missed'}")
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
