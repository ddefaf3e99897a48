"""Whether insights.active_scans believes touched rows too long, and pages for steady scans: on runs of which the truth is known.

Run as `python -m benchmarks.calibration.scan_signs [--scans 2000]`. Each scan has 40 earlier runs. Of the steady ones the next run
is drawn from the same durations, which differ by 0 to 3 %, and takes up to 5 minutes more; it is looked at every 5 minutes until it
ends. Of a tenth as many, the next run is dead, and something touches its row every quarter of an hour to an hour, its own or many
at once; these are looked at until an hour after twice their longest run. Exits with 1 if a bar is missed.
"""

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import polars as pl

from benchmarks.bars import Bar
from storage.frames import registered
from storage.migrations import migrate
from storage.warehouse import connect
from tasks.insights.active_scans import ACTIVE_SCANS
from tasks.insights.macros import define_macros
from tasks.insights.statistics.intervals import Values

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
RUNS, HOUR, DAY = 40, 3600.0, 86_400.0
STEADY_LOOK, TOUCHED_LOOK, TOLD_WITHIN = 300.0, 900.0, HOUR


def scans(names: Iterable[str], medians: Values, spread: Values, rng: np.random.Generator) -> tuple[pl.DataFrame, Values]:
    """Of each name so many earlier runs, one a day, and how long the longest took (s)."""
    took = medians[:, None] * np.exp(spread[:, None] * rng.standard_normal((medians.size, RUNS)))
    frames = []
    for name, durations in zip(names, took, strict=True):
        starts = -DAY * np.arange(RUNS, 0, -1)
        frames.append(pl.DataFrame({"data_source": name, "number": np.arange(RUNS), "start": starts, "end": starts + durations}))
    return pl.concat(frames).with_columns(status=pl.lit("succeeded"), updated=pl.col("end")), took.max(axis=1)


def put(con: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    instants = {name: pl.lit(BEGIN) + pl.duration(microseconds=(pl.col(seconds) * 1e6).cast(pl.Int64)) for name, seconds in
                (("started_at", "start"), ("finished_at", "end"), ("updated_at", "updated"))}  # fmt: skip
    made = rows.with_columns(
        scan_id=pl.format("{} {}", "data_source", "number"), scan_type=pl.lit("full"), source=pl.lit("made-up"), **instants
    ).with_columns(queued_at="started_at")
    with registered(con, "made", made.drop("number", "start", "end", "updated")):
        con.execute("INSERT INTO raw.scans BY NAME SELECT *, false AS is_deleted FROM made")


def dead(con: duckdb.DuckDBPyConnection, at: float) -> set[str]:
    """The data sources whose scan is said to be dead, so many seconds after the last runs began."""
    given = {"as_of": BEGIN + timedelta(seconds=at), "window_days": 90, "queue_bound_seconds": 604_800.0}
    judged = ACTIVE_SCANS.derived(ACTIVE_SCANS.read(con, given), given)
    return set(judged.filter(pl.col("verdict") == "probably_dead")["data_source"])


def warehouse() -> duckdb.DuckDBPyConnection:
    con = connect()
    migrate(con, BEGIN)
    define_macros(con)
    return con


def steady_pages(count: int, rng: np.random.Generator) -> int:
    """How many of the steady scans are ever said to be dead."""
    names = [f"steady-{number}" for number in range(count)]
    medians, spread = np.exp(rng.uniform(np.log(60), np.log(4 * HOUR), count)), rng.uniform(0, 0.03, count)
    history, _ = scans(names, medians, spread, rng)
    ends = medians * np.exp(spread * rng.standard_normal(count)) + rng.uniform(0, 300, count)
    now = pl.DataFrame({"data_source": names, "number": RUNS, "start": 0.0, "end": ends, "status": "succeeded", "updated": ends})
    con = warehouse()
    put(con, pl.concat([history, now], how="diagonal_relaxed"))
    paged = set[str]()
    for at in np.arange(STEADY_LOOK, ends.max(), STEADY_LOOK):
        paged |= dead(con, float(at))
    con.close()
    return len(paged)


def touched_found(count: int, rng: np.random.Generator) -> float:
    """The share of the touched dead that are said to be dead in time. A third of them is touched together."""
    names = [f"touched-{number}" for number in range(count)]
    history, longest = scans(names, np.exp(rng.uniform(np.log(300), np.log(3 * HOUR), count)), rng.uniform(0.05, 0.4, count), rng)
    every = np.where(np.arange(count) % 3 == 0, 1800.0, rng.uniform(900, HOUR, count))
    due = 2 * longest + TOLD_WITHIN
    con = warehouse()
    put(con, history)
    found = set[str]()
    for at in np.arange(TOUCHED_LOOK, due.max() + TOUCHED_LOOK, TOUCHED_LOOK):
        touched = np.maximum((at - 1) // every * every, 1.0)
        now = pl.DataFrame({"data_source": names, "number": RUNS, "start": 0.0, "status": "running", "updated": touched})
        con.execute("DELETE FROM raw.scans WHERE status = 'running'")
        put(con, now.with_columns(end=pl.lit(None, pl.Float64)))
        in_time = {name for name, limit in zip(names, due, strict=True) if at <= limit}
        found |= dead(con, float(at)) & in_time
    con.close()
    return len(found) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=2000)
    count = parser.parse_args().scans
    rng = np.random.default_rng(0)
    bars = [
        Bar(f"pages for {count:,} steady scans", float(steady_pages(count, rng)), 0.0, is_most=True),
        Bar("touched dead scans found within an hour after twice their longest run", touched_found(count // 10, rng), 1.0),
    ]
    print(*bars, sep="\n")
    sys.exit(not all(bar.holds() for bar in bars))


if __name__ == "__main__":
    main()
