"""What extracting PostgreSQL costs: racine acts landed, and in the warehouse, in times of the COPY of the same SELECT.

Run as `python -m benchmarks.extraction [--rows N] [--peers] [--peer-rows M] [--repeat K]`. Every measurement is a process of its
own, so that its peak memory is its own; they take turns, so that a busy moment hits all alike. Peers read M rows, and are set
beside COPY and govpulse on the same M rows.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.extraction.racine import copy_to_nowhere, fingerprint, indexed, make_racine, racine_server
from benchmarks.extraction.verdict import (
    COPY,
    FULL_ROWS,
    INDEXED,
    LANDED,
    LOADED,
    PEERS,
    UNCHANGED,
    Step,
    judge,
    loaded_fingerprint,
    show,
)
from benchmarks.measuring import Figure, measure_child, middle
from tests.postgresql import PostgresServer

OURS, THEIRS = "benchmarks.extraction.govpulse", "benchmarks.extraction.peers"


@dataclass
class Bench:
    """Databases by how many rows they have, and the home into which each was loaded last."""

    server: PostgresServer
    folder: Path
    urls: dict[int, str] = field(default_factory=dict)
    homes: dict[int, Path] = field(default_factory=dict)

    def make(self, rows: int) -> None:
        print(f"making a racine database with {rows:,} acts", file=sys.stderr)
        self.urls[rows], self.homes[rows] = make_racine(self.server, rows), self.folder / f"home_{rows}"

    def measure(self, what: str, rows: int) -> Figure | None:
        """None where a peer is not installed."""
        url, home = self.urls[rows], self.homes[rows]
        if what == COPY:
            return copy_to_nowhere(url)
        if what == LOADED:
            shutil.rmtree(home, ignore_errors=True)
        if what == INDEXED:
            with indexed(self.server, rows):
                return measure_child(OURS, "loaded", url, str(home))
        if what in (LOADED, UNCHANGED):
            return measure_child(OURS, "loaded", url, str(home))
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            return measure_child(OURS, "landed", url, folder) if what == LANDED else measure_child(THEIRS, what, url, folder)


def plan(rows: int, peer_rows: int | None) -> list[Step]:
    """What is measured, in its order.

    Args:
        peer_rows: None without peers.
    """
    steps = [(COPY, rows), (LANDED, rows), (LOADED, rows), (UNCHANGED, rows), (INDEXED, rows)]
    if rows >= FULL_ROWS:
        steps += [(COPY, rows // 5), (LOADED, rows // 5)]
    if peer_rows is not None:
        steps += [(what, peer_rows) for what in (COPY, LOADED, *PEERS)]
    return list(dict.fromkeys(steps))


def measure(bench: Bench, steps: Sequence[Step], repeats: int) -> dict[Step, Figure]:
    """The median of each step that can be done."""
    found: dict[Step, list[Figure]] = {}
    for _ in range(repeats):
        for what, rows in steps:
            figure = bench.measure(what, rows)
            print(f"{what}, {rows:,} rows: {f'{figure.seconds:.2f} s' if figure else 'not installed'}", file=sys.stderr)
            if figure is not None:
                found.setdefault((what, rows), []).append(figure)
    return {step: middle(figures) for step, figures in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="acts in the database; the full run has 5000000")
    parser.add_argument("--peers", action="store_true", help="also measure pandas, connectorx and dlt")
    parser.add_argument("--peer-rows", type=int, help="acts that peers read; by default at most a million")
    parser.add_argument("--repeat", type=int, default=1, help="how often; the median counts")
    parser.add_argument("--slower", type=float, default=1.0, help="how much slower a machine may be than the one of the bars")
    options = parser.parse_args()
    peer_rows = options.peer_rows or min(options.rows, 1_000_000)
    steps = plan(options.rows, peer_rows if options.peers else None)
    with racine_server() as server, tempfile.TemporaryDirectory() as folder:
        bench = Bench(server, Path(folder))
        for rows in dict.fromkeys(rows for _, rows in steps):
            bench.make(rows)
        figures = measure(bench, steps, options.repeat)
        show(steps, figures)
        arrivals = {rows: (fingerprint(server, rows), loaded_fingerprint(home)) for rows, home in bench.homes.items()}
    sys.exit(not judge(options.rows, figures, arrivals, options.slower))


if __name__ == "__main__":
    main()
