"""Whether `miss_probability` of insights.scan_limits is right, on nights of which it is known whether the deadline was met.

Run as `python -m benchmarks.calibration.scan_limits [--nights 100] [--sources 100]`: each night is looked at three times, at
instants drawn from the nine hours before the deadline, through the insight's own SQL; lengths are judged of what runs then. In each
tenth of the probabilities the share that was missed may differ from their mean by .05. A tenth in which luck alone may differ by
more is told, and bars nothing. Exits with 1 if a bar is missed.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import polars as pl

from benchmarks.bars import Bar
from storage.frames import registered
from storage.migrations import migrate
from storage.warehouse import connect
from tasks.insights.macros import define_macros
from tasks.insights.scan_limits import SCAN_LIMITS
from tasks.insights.scans.limit import ScanLimit, as_rows
from tests.nights_of_scans import BEGIN, DEADLINE_HOUR, simulate_nights

HISTORY_NIGHTS, HOURS_BEFORE, LOOKS = 30, 9.0, 3
MOST_OFF = 0.05
ENOUGH = 400
"""In a tenth: the share of fewer is off by .05 now and then even if every probability is right (2 standard errors at one half)."""


def limits_of(scans: pl.DataFrame) -> str:
    """By six for all, and of each its own length: one that a third to a fiftieth of its successful runs exceed."""
    took = (pl.col("finished_at") - pl.col("started_at")).dt.total_seconds()
    shares = np.linspace(0.65, 0.98, 12)
    lengths = scans.filter(status="succeeded").group_by("data_source").agg(took.alias("took").sort()).sort("data_source")
    own = [
        ScanLimit(data_source=name, longer_than=f"{round(float(np.quantile(taken, shares[place % 12])))}s")
        for place, (name, taken) in enumerate(lengths.iter_rows())
    ]
    return as_rows([ScanLimit(done_by="06:00"), *own])


def look_at(seed: int, sources: int, nights: int) -> pl.DataFrame:
    """What was said, and what came: kind, probability, is_missed; one row a judged run."""
    scans = simulate_nights(seed, sources, HISTORY_NIGHTS + nights)
    rng = np.random.default_rng(seed)
    con = connect()
    migrate(con, BEGIN)
    define_macros(con)
    with registered(con, "scans", scans.drop("night")):
        con.execute("INSERT INTO raw.scans BY NAME SELECT *, false AS is_deleted FROM scans")
    limits, seen = limits_of(scans), []
    for night in np.repeat(np.arange(HISTORY_NIGHTS, HISTORY_NIGHTS + nights), LOOKS).tolist():
        due = BEGIN + timedelta(days=night, hours=DEADLINE_HOUR)
        as_of = due - timedelta(hours=float(rng.uniform(0, HOURS_BEFORE)))
        given = {"as_of": as_of, "window_days": 90, "limits": limits}
        judged = SCAN_LIMITS.derived(SCAN_LIMITS.read(con, given), given).filter(pl.col("verdict").is_in(["at_risk", "on_track"]))
        seen += [_with_days(judged, scans, night, due), _with_lengths(judged, scans)]
    con.close()
    return pl.concat(seen)


def _with_days(judged: pl.DataFrame, scans: pl.DataFrame, night: int, due: datetime) -> pl.DataFrame:
    done = scans.filter(pl.col("night") == night, pl.col("status") == "succeeded", pl.col("finished_at") <= due)["data_source"]
    days = judged.filter(pl.col("kind") == "done_by", pl.col("due_at") == due)
    return days.select("kind", "state", "miss_probability", is_missed=~pl.col("data_source").is_in(done.implode()))


def _with_lengths(judged: pl.DataFrame, scans: pl.DataFrame) -> pl.DataFrame:
    took = (pl.col("finished_at") - pl.col("started_at")).dt.total_microseconds() / 1e6
    running = judged.filter(kind="longer_than", state="running").join(scans.select("scan_id", took=took), on="scan_id")
    return running.select(
        "kind", "state", "miss_probability", is_missed=pl.col("took").fill_null(np.inf) > pl.col("longest_seconds")
    )


def by_tenth(seen: pl.DataFrame) -> pl.DataFrame:
    tenth = (pl.col("miss_probability") * 10).floor().clip(0, 9).cast(pl.Int64)
    return (
        seen.group_by("kind", tenth=tenth)
        .agg(runs=pl.len(), said=pl.col("miss_probability").mean(), came=pl.col("is_missed").mean())
        .sort("kind", "tenth")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=100, help="of each of two worlds")
    parser.add_argument("--sources", type=int, default=100)
    asked = parser.parse_args()
    with ProcessPoolExecutor(2) as pool:
        seen = pl.concat(pool.map(partial(look_at, sources=asked.sources, nights=asked.nights), range(2)))
    bars = []
    for kind, tenth, runs, said, came in by_tenth(seen).iter_rows():
        print(f"{kind:<12} {tenth / 10:.1f} to {(tenth + 1) / 10:.1f}: {runs:>6} runs, said {said:.3f}, came {came:.3f}")
        if runs >= ENOUGH:
            bars.append(Bar(f"{kind}, tenth from {tenth / 10:.1f}: difference", abs(said - came), MOST_OFF, is_most=True))
    for bar in bars:
        print(bar)
    sys.exit(not all(bar.holds() for bar in bars))


if __name__ == "__main__":
    main()
