"""The table of what was measured, whether every row arrived as it was, and whether the limits hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.extraction.racine import FINGERPRINT
from benchmarks.measuring import Figure
from storage.home import Home
from storage.warehouse import attach, connect

COPY, LANDED, LOADED = "COPY to nowhere", "govpulse, landed", "govpulse, in the warehouse"
UNCHANGED, INDEXED = "govpulse, nothing new", "the same with an index"
NOTHING_NEW = (UNCHANGED, INDEXED)
PEERS = {"pandas": "SQLAlchemy and pandas", "connectorx": "connectorx", "dlt": "dlt, merged by key"}
Step = tuple[str, int]
"""What is measured, on how many rows."""
Figures = Mapping[Step, Figure]


@dataclass(frozen=True)
class Bars:
    """The most that is allowed: times COPY, peak memory (MB), its growth from a fifth of the rows, seconds with nothing new, where
    an index tells what changed and where PostgreSQL reads through the table."""

    landed: float
    loaded: float
    peak_mb: float = 1000.0
    growth: float = 1.25
    indexed_seconds: float = 1.0
    unchanged_seconds: float = 2.0


FULL_ROWS = 2_000_000
FULL = Bars(landed=1.5, loaded=2.6)
REDUCED = Bars(landed=3.0, loaded=6.0)
"""Below FULL_ROWS what does not grow with the rows weighs more: opening, looking at four datasets, the warehouse's migrations."""


def show(steps: Sequence[Step], figures: Figures) -> None:
    """Print the table."""
    print(f"{'what':28}{'rows read':>11}{'seconds':>9}{'x COPY':>8}{'rows/s':>11}{'CPU s':>8}{'peak MB':>9}")
    for what, rows in steps:
        figure = figures.get((what, rows))
        if figure is None:
            print(f"{PEERS[what]:28}not installed: make .bench/ready")
            continue
        read = rows if figure.rows is None else figure.rows
        times, pace = f"{figure.seconds / figures[COPY, rows].seconds:.2f}", f"{read / figure.seconds:,.0f}"
        peak = "" if figure.peak_mb is None else f"{figure.peak_mb:.0f}"
        print(
            f"{PEERS.get(what, what):28}{read:>11,}{figure.seconds:>9.2f}{'' if what in NOTHING_NEW else times:>8}"
            f"{'' if what in NOTHING_NEW else pace:>11}{figure.cpu_seconds:>8.2f}{peak:>9}"
        )
    print("seconds: without the start of Python and its imports; x COPY: of as many rows; CPU: without PostgreSQL's own")


def loaded_fingerprint(home: Path) -> tuple[Any, ...] | None:
    """FINGERPRINT of the acts in a warehouse."""
    con = connect()
    try:
        attach(con, Home(home).warehouse, "warehouse", read_only=True)
        return con.execute(f"{FINGERPRINT} FROM warehouse.raw.activity").fetchone()
    finally:
        con.close()


def judge(rows: int, figures: Figures, arrivals: Mapping[int, tuple[object, object]], slower: float) -> bool:
    """Print every bar and whether it holds; returns whether all do.

    Args:
        arrivals: by rows of a database, its fingerprint in PostgreSQL and in the warehouse.
        slower: how much slower this machine may be than the one of the bars, where these are in seconds.
    """
    bars, is_full = (FULL, True) if rows >= FULL_ROWS else (REDUCED, False)
    copy, loaded = figures[COPY, rows].seconds, figures[LOADED, rows]
    measured = [
        ("landed, times COPY", figures[LANDED, rows].seconds / copy, bars.landed),
        ("in the warehouse, times COPY", loaded.seconds / copy, bars.loaded),
        ("nothing new, seconds", figures[UNCHANGED, rows].seconds, bars.unchanged_seconds * slower),
        ("nothing new with an index, seconds", figures[INDEXED, rows].seconds, bars.indexed_seconds * slower),
    ]
    peaks = [figures[what, rows].peak_mb or 0.0 for what in (LANDED, LOADED, UNCHANGED)]
    measured.append(("peak memory, MB", max(peaks), bars.peak_mb))
    if is_full:
        growth = (loaded.peak_mb or 0.0) / (figures[LOADED, rows // 5].peak_mb or 1.0)
        measured.append((f"peak memory, times that of {rows // 5:,} rows", growth, bars.growth))
    print(f"\nbars of {'the full size' if is_full else f'a reduced size, below {FULL_ROWS:,} rows; the full size has closer ones'}")
    verdicts = [_say(name, f"{value:.2f}, at most {most:g}", value <= most) for name, value, most in measured]
    for size, (sent, arrived) in arrivals.items():
        verdicts.append(_say(f"{size:,} rows: count, keys, checksum", _both(sent, arrived), sent == arrived))
    return all(verdicts)


def _both(sent: tuple[int, int, int], arrived: tuple[int, int, int]) -> str:
    sent_text, arrived_text = (" ".join(f"{number:,}" for number in counts) for counts in (sent, arrived))
    return f"{sent_text} in PostgreSQL, {arrived_text} here"


def _say(name: str, measured: str, holds: bool) -> bool:
    print(f"{'ok    ' if holds else 'BROKEN'} {name}: {measured}")
    return holds
