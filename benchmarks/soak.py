"""A home that lives 90 days within minutes, and whether everything in it is bounded.

Run as `python -m benchmarks.soak [--days N] [--output DIR]`. The flows of prefect.yaml are called as they are, with their settings
and all of their steps, in one process, by a clock that is put from one run to the next; only Prefect is left out, which has a
benchmark of its own (`benchmarks.prefect_growth`, at most 300 MB). Of the some 698 runs a day, 62,820 in 90 days, these are lived:

* `maintain-warehouse`: each, one a day, with a second destination in a folder;
* `evaluate-alerts`: 1 of 288; a run loads, delivers to the console and copies the journal;
* `extract-sources`, `compute-insights`, `reconcile-sources`: 1 each on every fifth day, of 480, 120 and 5;
* `collect-system-metrics`: none of 288. What they would land of 2 hosts, 12 series a minute, is landed in 6 files.

Published is with insights and maintenance only. So tables that grow by the run (`ops.runs`, `ops.loads`, `ops.computations`) are
smaller than in earnest, by the same share each day; that they are bounded is seen all the same. The platform is the made-up sample,
a day more of it each day, at a fifth of its size. On each day somebody silences a host, on every second one somebody acknowledges
an alert and ends a silence, on every fifth incidents are loaded by hand, one of them refused, and on every tenth a person is
forgotten. A filesystem of one host after the other fills for some hours, so that alerts fire and are resolved. Retention is
shortened to 15 days of samples and 20 of all else, so that it has acted for long when the last third of the days begins.

At the end of each day the size of each file and folder, the rows of each table, CPU seconds and most memory of each kind of step
are written to DIR/soak.csv, and in the end drawn to DIR/soak.png. Exits with 1 if a bar is missed; with fewer than 60 days only
those hold that do at once. Ctrl-C ends it with the days that were lived; `--again DIR` judges and draws what is in DIR.
"""

import argparse
import csv
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.soaking.hosts import Hosts
from benchmarks.soaking.life import DAY, START, Life
from benchmarks.soaking.picture import draw
from benchmarks.soaking.record import Day, look
from benchmarks.soaking.verdict import bars
from benchmarks.soaking.without_prefect import Clock, without_prefect
from storage.limits import Limits

FEW = 20
"""So many bars are shown all; of more only those that are missed."""
SHOWN = ("warehouse", "published", "backups", "second place", "journal", "quarantine", "models")


def live(folder: Path, days: int, output: Path) -> tuple[list[Day], list[str]]:
    """Live so many days in `folder`, or until Ctrl-C; what was seen at the end of each, and what went wrong."""
    clock, lived = Clock(START), list[Day]()
    life = Life(folder, Hosts(2, START - DAY), clock, scale=0.2)
    with without_prefect(clock):
        life.begin()
        with suppress(KeyboardInterrupt):
            for number in range(days):
                life.day(number)
                lived.append(look(life.home, Limits(), life.elsewhere, number, life.meter))
                write(lived, output / "soak.csv")
    return lived, life.problems


def write(days: Sequence[Day], path: Path) -> None:
    """All days until now, a line each: whoever ends the benchmark has them."""
    lines = [day.figures() for day in days]
    names = list(dict.fromkeys(name for line in lines for name in line))
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(lines)


def show(days: Sequence[Day]) -> None:
    """A few of the days, a line each."""
    print(f"{'day':>4}", *(f"{name + ' MB':>16}" for name in SHOWN), f"{'rows':>10}", f"{'CPU s':>8}", f"{'resident MB':>12}")
    step = max(1, len(days) // 9)
    for day in [*days[:-1:step], days[-1]]:
        sizes = (f"{day.megabytes[name]:16.2f}" for name in SHOWN)
        total = sum(day.seconds.values())
        print(f"{day.number + 1:4}", *sizes, f"{sum(day.rows.values()):10,.0f}", f"{total:8.2f}", f"{day.resident:12.0f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--again", type=Path)
    asked = parser.parse_args()
    if asked.again:
        with (asked.again / "soak.csv").open(newline="") as file:
            return judge([Day.of(line) for line in csv.DictReader(file)], [], asked.again)
    output = asked.output or Path(tempfile.mkdtemp(prefix="govpulse-soaked-"))
    output.mkdir(parents=True, exist_ok=True)
    folder, began = Path(tempfile.mkdtemp(prefix="govpulse-soak-")), time.monotonic()
    try:
        days, problems = live(folder, asked.days, output)
        shutil.copyfile(folder / "said.txt", output / "said.txt")
    finally:
        shutil.rmtree(folder)
    print(f"{len(days)} days in {time.monotonic() - began:.0f} s; figures, picture and what was said are in {output}")
    return judge(days, problems, output)


def judge(days: Sequence[Day], problems: Sequence[str], output: Path) -> int:
    """Draw the days, print some of them, and hold the bars."""
    draw(days, output / "soak.png")
    show(days)
    print(*problems[:20], sep="\n")
    found = bars(days, problems)
    print(*(bar for bar in found if not bar.holds() or len(found) < FEW), sep="\n")
    print(f"{sum(bar.holds() for bar in found)} of {len(found)} bars hold")
    return 0 if all(bar.holds() for bar in found) else 1


if __name__ == "__main__":
    sys.exit(main())
