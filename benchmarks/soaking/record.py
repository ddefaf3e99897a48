"""What there is at the end of a day: bytes of files and folders, rows of tables, and what each step took until then."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import Any

import psutil

from flows.run import Run
from storage.changes import stored_tables
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from storage.wholeness.mark import wal_of

LEFTOVERS = ("*.tmp", "warehouse.compacting*", ".govpulse.duckdb.publishing*", "spill", "*.rewriting", ".reserve.*")


UNITS = ("MB ", "rows ", "CPU s ", "peak MB ")
"""What the columns of the CSV begin with."""


@dataclass(frozen=True)
class Day:
    """A simulated day: figures by their names."""

    number: int
    megabytes: Mapping[str, float]
    rows: Mapping[str, float]
    seconds: Mapping[str, float]
    peaks: Mapping[str, float]
    resident: float
    leftovers: int

    @classmethod
    def of(cls, line: Mapping[str, str]) -> "Day":
        """The day of such a line."""
        parts = [
            {name.removeprefix(unit): float(line[name]) for name in line if name.startswith(unit) and line[name]} for unit in UNITS
        ]
        megabytes, rows, seconds, peaks = parts
        resident, left = float(line["resident MB"]), int(line["leftovers"])
        return cls(int(line["day"]), megabytes, rows, seconds, peaks, resident, left)

    def figures(self) -> dict[str, float]:
        """All of them in one, as a line of the CSV."""
        named = (self.megabytes, self.rows, self.seconds, self.peaks)
        found = {f"{unit}{name}": float(value) for unit, each in zip(UNITS, named, strict=True) for name, value in each.items()}
        return {"day": self.number, **found, "resident MB": self.resident, "leftovers": self.leftovers}


@dataclass
class Meter:
    """CPU seconds and the most memory of each kind of step since it was read last."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    peaks: dict[str, float] = field(default_factory=dict)

    def measured(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """`Run.step`, which is also measured."""

        def measure(run: Run, name: str, action: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            with self.timed(f"{run.flow}: {name}"):
                return step(run, name, action, *arguments, **options)

        return measure

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        forget_peak()
        began = process_time()
        yield
        self.seconds[name].append(process_time() - began)
        self.peaks[name] = max(self.peaks.get(name, 0.0), peak_mb())

    def read(self) -> tuple[dict[str, float], dict[str, float]]:
        """The mean seconds of a step of each kind, and its peak; then begin anew."""
        seconds = {name: sum(each) / len(each) for name, each in self.seconds.items()}
        peaks = dict(self.peaks)
        self.seconds.clear()
        self.peaks.clear()
        return seconds, peaks


def forget_peak() -> None:
    """The most memory counts from now on, where the system can be told so."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """The most memory of this process, in MB."""
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM")), resident_mb())
    return resident_mb()


def resident_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


def look(home: Home, limits: Limits, elsewhere: Path, number: int, meter: Meter) -> Day:
    """What there is now."""
    places = {
        "warehouse": home.warehouse,
        "log": wal_of(home.warehouse),
        "published": home.published,
        "landing": home.landing,
        "quarantine": home.quarantine,
        "backups": home.backups,
        "journal": home.journal,
        "second place": elsewhere,
        "models": home.models,
        "set aside": home.set_aside,
        "report": home.report,
    }
    megabytes = {name: _bytes_of(path) / 1e6 for name, path in places.items()}
    with warehouse(home, limits) as con:
        rows = {name: int(con.sql(f"SELECT count(*) FROM {name}").fetchall()[0][0]) for name in stored_tables()}
    seconds, peaks = meter.read()
    left = [str(path) for root in (home.root, elsewhere) for pattern in LEFTOVERS for path in root.rglob(pattern)]
    return Day(number, megabytes, rows, seconds, peaks, resident_mb(), len(left))


def _bytes_of(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(each.stat().st_size for each in files if each.is_file())
