"""What the deployment and scan analytics cost: each table computed over N raw rows, in times of a bare GROUP BY of the same rows.

Run as `python -m benchmarks.analytics [--rows N]`. Every measurement is a process of its own, so that its peak memory is its own.
With the full 10 million rows it also computes a fifth of them: time must grow no faster than the rows.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.analytics.computing import BARE
from benchmarks.measuring import Figure, measure_child
from storage.home import Home
from storage.warehouse import warehouse

BARE_OF = {
    "deployment_metrics": "bare deployments",
    "deployment_periods": "bare deployments",
    "deployment_trends": "bare deployments",
    "scan_performance": "bare scans",
    "active_scans": "bare scans",
}
FULL_ROWS = 10_000_000
MOST_SECONDS, MOST_MB, MOST_GROWTH = 30.0, 3000.0, 5 * 1.3
"""Of the full size; the growth is from a fifth of it."""


def make(home: Path, rows: int) -> None:
    """A warehouse with so many deployments and scans."""
    print(f"making {rows:,} deployments and {rows:,} scans", file=sys.stderr)
    with warehouse(Home(home)) as con:
        con.execute(Path(__file__).with_name("rows.sql").read_text().replace("$rows", str(rows)))


def measure(home: Path) -> dict[str, Figure]:
    figures = {}
    for what in (*BARE, *BARE_OF):
        figure = measure_child("benchmarks.analytics.computing", what, str(home))
        assert figure is not None
        print(f"{what}: {figure.seconds:.1f} s", file=sys.stderr)
        figures[what] = figure
    return figures


def show(rows: int, figures: Mapping[str, Figure]) -> None:
    """Print the table."""
    print(f"\n{rows:,} rows{'rows out':>32}{'seconds':>9}{'x bare':>8}{'CPU s':>8}{'peak MB':>9}")
    for what, figure in figures.items():
        times = f"{figure.seconds / figures[BARE_OF[what]].seconds:.2f}" if what in BARE_OF else ""
        line = f"{figure.rows or 0:>14,}{figure.seconds:>9.2f}{times:>8}{figure.cpu_seconds:>8.2f}{figure.peak_mb or 0:>9.0f}"
        print(f"{what:28}{line}")
    print("bare: GROUP BY of the raw rows with count, median and 90th percentile of the duration")


def judge(full: Mapping[str, Figure], fifth: Mapping[str, Figure] | None, slower: float) -> bool:
    """Print every bar and whether it holds; returns whether all do.

    Args:
        fifth: the same of a fifth of the rows; None below the full size, where only time and memory are held.
    """
    print()
    held = True
    for what in BARE_OF:
        measured = [("s", full[what].seconds, MOST_SECONDS * slower), ("MB", full[what].peak_mb or 0.0, MOST_MB)]
        if fifth is not None:
            measured.append(("times a fifth of the rows", full[what].seconds / fifth[what].seconds, MOST_GROWTH))
        for unit, value, most in measured:
            held &= value <= most
            print(f"{'holds ' if value <= most else 'BROKEN'} {what}: {value:.1f} {unit}, at most {most:.1f}")
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="deployments, and as many scans; the full run has 10000000")
    parser.add_argument("--slower", type=float, default=1.0, help="how much slower a machine may be than the one of the bars")
    asked = parser.parse_args()
    rows = asked.rows
    sizes = [rows // 5, rows] if rows >= FULL_ROWS else [rows]
    figures = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), size)
            figures[size] = measure(Path(folder))
            show(size, figures[size])
    sys.exit(not judge(figures[rows], figures.get(rows // 5), asked.slower))


if __name__ == "__main__":
    main()
