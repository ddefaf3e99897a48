"""Whether `probably_dead` and the finish intervals of insights.active_scans are right, on fleets of which the truth is known.

Run as `python -m benchmarks.calibration.stuck_scans [--fleets N] [--days N] [--sources N] [--barred]`. Every fleet is looked at
again and again through the insight's own SQL; beside the verdict stand fixed limits of 4 and of 24 hours. The bars are for mixed
fleets, changes of regime and short histories among them; the harder ones are reported, and nothing was tuned to them. With fewer
than 4 fleets luck is allowed for (benchmarks/bars.py). Exits with 1 if a bar is missed.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial

from benchmarks.bars import least_of
from tests.scan_fleets import BEGIN, KINDS, simulate
from tests.scan_watching import Score, watch

PRECISION, RECALL, COVERAGE = 0.98, 0.94, 0.90
BARRED, FULL_FLEETS = "mixed", 4
CASES = [
    (BARRED, 15),
    ("steady", 15),
    (BARRED, 60),
    ("cleaned up", 15),
    ("heavy tails", 15),
    ("two modes", 15),
    ("long and wide", 15),
]
HISTORY_DAYS, SPREAD_DAYS = 20, 60
"""A fleet is watched from some day in these 60 on: from the first, many scans have little history yet."""


def watch_one(seed: int, kind: str, minutes: int, days: int, sources: int, fleets: int) -> Score:
    """The score of one fleet."""
    begin = BEGIN + timedelta(days=HISTORY_DAYS + SPREAD_DAYS * seed // fleets)
    return watch(simulate(KINDS[kind], seed, sources), begin, days, timedelta(minutes=minutes))


def watch_all(kind: str, minutes: int, options: argparse.Namespace) -> Score:
    """The score over all fleets of a kind."""
    total = Score()
    one = partial(watch_one, kind=kind, minutes=minutes, days=options.days, sources=options.sources, fleets=options.fleets)
    with ProcessPoolExecutor(2) as pool:
        for seed, score in enumerate(pool.map(one, range(options.fleets))):
            total.add(score, f"{seed}-")
    return total


def show(kind: str, minutes: int, score: Score) -> None:
    """One line a way of judging."""
    ways = {"verdict": score.flagged, "over 4 h": score.after_4_hours, "over 24 h": score.after_24_hours}
    for way, flagged in ways.items():
        counts = f"{len(flagged):>8} {score.precision(flagged):>10.3f} {len(score.due):>6} {score.recall(flagged):>7.3f}"
        print(f"{kind:<16} {minutes:>4} min  {way:<10}{counts}", end="")
        print(
            f" {score.coverage:>9.3f} of {score.with_interval}, {score.live - score.with_interval} without"
            if way == "verdict"
            else ""
        )


def is_met(score: Score, is_full: bool) -> bool:
    """Whether the score holds the bars, which are printed. Coverage is granted no luck: a scan is many cases, so these are no
    trials."""
    precision = least_of(PRECISION, len(score.flagged), is_full=is_full)
    recall = least_of(RECALL, len(score.due), is_full=is_full)
    reached = (score.precision(score.flagged), score.recall(score.flagged), score.coverage)
    print(f"{'':<16} bars: {precision:.3g}, {recall:.3g}, {COVERAGE}")
    return all(value >= bar for value, bar in zip(reached, (precision, recall, COVERAGE), strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fleets", type=int, default=4)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--sources", type=int, default=60)
    parser.add_argument("--barred", action="store_true", help="only what there is a bar for")
    options = parser.parse_args()
    print(f"{'fleet':<16} {'every':>8}  {'way':<10}{'flagged':>8} {'precision':>10} {'due':>6} {'recall':>7} {'coverage':>9}")
    missed = False
    for kind, minutes in CASES[:2] if options.barred else CASES:
        score = watch_all(kind, minutes, options)
        show(kind, minutes, score)
        if (kind, minutes) in CASES[:2]:
            missed |= not is_met(score, options.fleets >= FULL_FLEETS)
    print(f"bars of precision, recall and coverage for '{BARRED}' and 'steady' every 15 min: {'missed' if missed else 'met'}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
