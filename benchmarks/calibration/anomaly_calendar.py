"""Whether jobs that come each night, week or month are no anomalies after three times, and incidents beside them still are.

Run as `python -m benchmarks.calibration.anomaly_calendar [--hosts N] [--days N] [--seed N]`. Simulated hosts, five metrics a
minute, are judged day by day as the schedules do it. Hosts with a monthly job have 130 days before,
of which the older are by the hour. Exits with 1 where a bar is broken.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from joblib import Parallel, delayed
from numpy.typing import NDArray

from benchmarks.anomalies.daily import Host, judge_days
from benchmarks.bars import Bar
from tasks.insights.detection.windows import DAY, Matrix

BEGIN = 29_457_960 - 29_457_960 % DAY
"""A day in January 2026, since the epoch: hosts with months before begin later."""
KINDS = ("night", "week", "month")
MONTHS_BEFORE = 130
"""Days that a host with a monthly job is known before it is judged."""
NAMES = ("cpu", "disk", "load", "memory", "network")
UNITS = ("1", "By/s", "{thread}", "1", "By/s")
JITTER = 10
JOB = np.array([0.4, 90e6, 3.0, 0.0, 45e6])
"""What a job adds to each metric, times .7 to 1.3 a host."""
INCIDENTS = {"another": np.array([0.0, 0.0, 0.0, 0.25, 0.0]), "larger": np.array([0.55, 250e6, 9.0, 0.0, 0.0])}
"""Of a metric that the job leaves alone, and of the job's by more than it does."""
EVERY = 6
"""Days from an incident to the next."""
TOLERANCE = 10
WARM_UP = 3
"""Days before the first that is judged."""


@dataclass(frozen=True)
class Outcome:
    """Of a host: critical episodes that are no incident after the third time of its job, with the calendar and without, and the
    days these were counted on; incidents found, by kind, and how many there were."""

    kind: str
    critical: int
    plain: int
    days: float
    found: dict[str, tuple[int, int]]


def simulate(number: int, days: int, seed: int) -> tuple[Host, NDArray[np.int64], list[tuple[str, int, int]], int]:
    """A host, the first minutes of its jobs, its incidents (kind, first and last minute), and the minute that judging starts at."""
    kind, rng = KINDS[number % 3], np.random.default_rng([seed, number])
    before = MONTHS_BEFORE if kind == "month" else WARM_UP
    length = (before + days) * DAY
    values = _quiet(rng, length)
    hour, lasts, size = int(rng.integers(0, DAY)), int(rng.integers(5, 46)), JOB * rng.uniform(0.7, 1.3)
    jobs = [day * DAY + hour + int(rng.integers(-JITTER, JITTER + 1)) for day in _job_days(kind, before + days, rng)]
    jobs = [job for job in jobs if 0 <= job < length - 60]
    for job in jobs:
        part = slice(job, job + max(round(lasts * rng.uniform(0.9, 1.1)), 5))
        values[:, part] += size[:, None] * rng.normal(1.0, 0.05, values[:, part].shape)
    incidents = [
        _plant(rng, values, day * DAY, hour, lasts, number + turn)
        for turn, day in enumerate(range(before + 4, before + days - 1, EVERY))
    ]
    return Host(f"h{number}", NAMES, values, BEGIN, UNITS), np.array(jobs) + BEGIN, incidents, BEGIN + before * DAY


def _quiet(rng: np.random.Generator, length: int) -> Matrix:
    hour = np.arange(length) / 60
    cycle = np.sin(2 * np.pi * (hour - rng.uniform(0, 24)) / 24)
    levels = np.array([0.25, 4e6, 1.0, 0.42, 3e6])[:, None]
    swing = np.array([0.3, 0.3, 0.3, 0.03, 0.4])[:, None] * levels
    noise = rng.normal(0, 1, (5, length)) * np.array([0.08, 0.15, 0.12, 0.005, 0.15])[:, None] * levels
    values: Matrix = levels + swing * cycle + noise
    return values


def _job_days(kind: str, days: int, rng: np.random.Generator) -> list[int]:
    if kind == "night":
        return list(range(days))
    if kind == "week":
        return list(range(int(rng.integers(0, 7)), days, 7))
    first, of_month = np.datetime64("1970-01-01") + BEGIN // DAY, int(rng.integers(1, 29))
    dates = [(first + day).astype(object) for day in range(days)]
    return [day for day, date in enumerate(dates) if date.day == of_month]


def _plant(rng: np.random.Generator, values: Matrix, day: int, hour: int, lasts: int, turn: int) -> tuple[str, int, int]:
    """An incident at any time, from within the job's time on, or right after it; every other one of the job's metrics."""
    kind = ("another", "larger")[turn % 2]
    starts = (int(rng.integers(0, DAY)), hour + int(rng.integers(0, max(lasts // 2, 1))), hour + lasts + int(rng.integers(5, 40)))
    first = day + starts[turn // 2 % 3]
    last = min(first + int(rng.integers(15, 41)), values.shape[1] - 1)
    part = values[:, first : last + 1]
    part += INCIDENTS[kind][:, None] * rng.normal(1.0, 0.05, part.shape)
    return kind, first + BEGIN, last + BEGIN


def judge_host(number: int, days: int, seed: int) -> Outcome:
    host, jobs, incidents, start = simulate(number, days, seed)
    rows = judge_days(host, start, seed)
    kind = KINDS[number % 3]
    counted = max(start, int(jobs[3]) - 60) if len(jobs) > 3 else start + days * DAY
    end = start + days * DAY
    is_new = rows.filter("is_anomalous", ~pl.col("is_usual"))["minute"].to_numpy()
    found: dict[str, tuple[int, int]] = {}
    for each, first, last in incidents:
        hits, of = found.get(each, (0, 0))
        found[each] = hits + bool(((is_new >= first) & (is_new <= last + TOLERANCE)).any()), of + 1
    return Outcome(
        kind,
        _critical(rows, "calendar_score", ~pl.col("is_usual"), incidents, counted),
        _critical(rows, "score", pl.lit(True), incidents, counted),
        (end - counted) / DAY,
        found,
    )


def _critical(rows: pl.DataFrame, score: str, flag: pl.Expr, incidents: Sequence[tuple[str, int, int]], since: int) -> int:
    """Episodes from `since` on with twice the threshold that touch no incident."""
    kept = rows.filter("is_anomalous", flag, pl.col("minute") >= since)
    at, ratio = kept["minute"].to_numpy(), (kept[score] / kept["threshold"]).to_numpy()
    parts = np.split(np.arange(len(at)), np.flatnonzero(np.diff(at) > TOLERANCE) + 1) if len(at) else []
    return sum(
        ratio[part].max() >= 2
        and not any(at[part[0]] <= last + TOLERANCE + 30 and at[part[-1]] >= first - TOLERANCE for _, first, last in incidents)
        for part in parts
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args(arguments)
    outcomes = Parallel(n_jobs=asked.processes)(
        delayed(judge_host)(number, asked.days, asked.seed) for number in range(asked.hosts)
    )
    for kind in KINDS:
        of = [each for each in outcomes if each.kind == kind]
        days = sum(each.days for each in of) or 1.0
        print(
            f"{kind:6} {len(of)} hosts, {days:.0f} days after the third time:"
            f" {sum(each.critical for each in of) / days:.3f} critical a day,"
            f" {sum(each.plain for each in of) / days:.3f} without the calendar"
        )
    for kind in INCIDENTS:
        hits, of_all = (sum(each.found.get(kind, (0, 0))[i] for each in outcomes) for i in (0, 1))
        print(f"incidents of {kind}: {hits} of {of_all} found")
    days = sum(each.days for each in outcomes)
    hits, of_all = (sum(pair[i] for each in outcomes for pair in each.found.values()) for i in (0, 1))
    bars = [
        Bar(
            "critical episodes a host and day after the third time",
            sum(each.critical for each in outcomes) / days,
            0.05,
            is_most=True,
        ),
        Bar("incidents found", hits / of_all, 0.95),
    ]
    print("", *bars, sep="\n")
    return 0 if all(bar.holds() for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
