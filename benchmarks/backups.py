"""What a backup and a verification of one day cost, beside little and beside much that is stored.

Run as `python -m benchmarks.backups [--days 3 30] [--rows 8640000]`: two warehouses of so many days of samples, the rows that 75
metrics of 20 hosts come to when they are sampled each 15 s. Each is backed up whole; then a day more is written, backed up and
verified, and that is what is measured: it is to cost what changed, not what is stored. In the end all comes back: once from
the home's own backups, and once from the second destination, the home being gone.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from benchmarks.bars import Bar
from storage.backups.elsewhere import copy_backups, fetch_backups
from storage.backups.restore import restore
from storage.backups.taking import Taken, back_up
from storage.changes import note_days
from storage.destination import open_destination
from storage.home import Home
from storage.limits import Limits
from storage.room import in_units
from storage.transaction import transaction
from storage.verification.files import verify_files
from storage.verification.keys import verify_keys
from storage.warehouse import turn, warehouse

T = TypeVar("T")
START = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = "raw.system_metrics"
SERIES = 1_500
LEAST_GIGABYTES = 0.3
"""Of less the tables that have to be made take the most, and seconds a GB say nothing."""
FILL = f"""
INSERT INTO {TABLE}
SELECT 'host-' || (number % 20), 'system.metric.' || (number // 20 % 75), '',
    $start + to_microseconds(number // {SERIES} * $step), '1', round(50 + 20 * sin(number / 997) + 5 * random(), 4), 'ok'
FROM range($rows) AS numbers (number)
"""


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one day's backup and verification, the backup itself, and the bytes of its day as Parquet; seconds for a
    GB of the warehouse's file until all is back, from here and from the second destination."""

    rows: int
    backup_cpu: float
    verify_cpu: float
    taken: Taken
    day_bytes: int
    restored: float
    fetched: float
    gigabytes: float


def measure(folder: Path, days: int, rows: int, limits: Limits) -> Cost:
    """Make a warehouse of so many days, and measure one more."""
    home = Home(folder)
    with warehouse(home, limits):
        pass
    for day in range(days):
        _write_day(home, limits, day, rows)
    back_up(home, limits, START)
    _verify(home, limits)
    _write_day(home, limits, days, rows)
    taken, backup_cpu = _timed(lambda: back_up(home, limits, START))
    verify_cpu = _timed(lambda: _verify(home, limits))[1]
    newest = START + timedelta(days=days)
    day_bytes = sum(part.file.bytes for part in taken.manifest.parts if part.table == TABLE and part.start and part.start >= newest)
    return Cost(rows * days, backup_cpu, verify_cpu, taken, day_bytes, *_seconds_back(home, limits, taken))


def _seconds_back(home: Home, limits: Limits, taken: Taken) -> tuple[float, float, float]:
    """Seconds a GB of warehouse from here and from elsewhere, and how many GB."""
    elsewhere, fresh = home.root.with_name("elsewhere"), Home(home.root.with_name("fresh"))
    elsewhere.mkdir()
    destination = open_destination(str(elsewhere))
    copy_backups(home, destination, 1)
    gigabytes = home.warehouse.stat().st_size / 1e9
    here = _seconds(lambda: _put_back(home, limits, taken))
    shutil.rmtree(home.root)
    fresh.make_folders()
    gone = _seconds(lambda: fetch_backups(destination, fresh)) + _seconds(lambda: _put_back(fresh, limits, taken))
    return here / gigabytes, gone / gigabytes, gigabytes


def _put_back(home: Home, limits: Limits, taken: Taken) -> None:
    with turn(home, limits):
        restore(home, limits, START)
    with warehouse(home, limits) as con:
        (rows,) = con.sql(f"SELECT count(*) FROM {TABLE}").fetchall()[0]
    assert rows == sum(part.rows for part in taken.manifest.parts if part.table == TABLE)


def _seconds(action: Callable[[], object]) -> float:
    before = time.monotonic()
    action()
    return time.monotonic() - before


def _write_day(home: Home, limits: Limits, day: int, rows: int) -> None:
    start = START + timedelta(days=day)
    with warehouse(home, limits) as con, transaction(con):
        con.execute(FILL, {"start": start, "rows": rows, "step": 86_400_000_000 * SERIES // rows})
        note_days(con, TABLE, [start.date()])


def _verify(home: Home, limits: Limits) -> None:
    verify_keys(home, limits, START)
    verify_files(home, limits, START)


def _timed(action: Callable[[], T]) -> tuple[T, float]:
    before = time.process_time()
    result = action()
    return result, time.process_time() - before


def _measured(days: int, rows: int) -> Cost:
    with TemporaryDirectory(prefix="govpulse-backups-") as folder:
        cost = measure(Path(folder, "home"), days, rows, Limits())
    taken = cost.taken
    written, held = in_units(taken.written_bytes), f"{taken.longest_hold_seconds:.1f} s"
    print(
        f"{cost.rows:>12,} rows stored, {rows:,} new: backup {cost.backup_cpu:.2f} CPU s, {written}, held for {held} at most;",
        end=" ",
    )
    print(f"verification {cost.verify_cpu:.2f} CPU s; back within {cost.restored:.0f} s a GB, from elsewhere {cost.fetched:.0f} s")
    return cost


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, nargs=2, default=(3, 30))
    parser.add_argument("--rows", type=int, default=8_640_000, help="a day")
    parser.add_argument("--slower", type=float, default=1.0, help="than the machine of the README (times)")
    asked = parser.parse_args()
    few, many = (_measured(days, asked.rows) for days in asked.days)
    holds = [each.taken.longest_hold_seconds for each in (few, many)]
    bytes_ratio = [each.taken.written_bytes / each.day_bytes for each in (few, many)]
    bars = [
        Bar("the longest hold of the warehouse (s)", max(holds), 5.0 * asked.slower, is_most=True),
        Bar("bytes written, in times of the new day's", max(bytes_ratio), 1.5, is_most=True),
        Bar("CPU of a backup, much stored, in times of little", many.backup_cpu / few.backup_cpu, 1.5, is_most=True),
        Bar("CPU of a verification, the same", many.verify_cpu / few.verify_cpu, 1.5, is_most=True),
    ]
    if many.gigabytes >= LEAST_GIGABYTES:
        bars.append(Bar("a restore (s a GB)", many.restored, 120.0 * asked.slower, is_most=True))
        bars.append(Bar("a restore where the home is gone (s a GB)", many.fetched, 120.0 * asked.slower, is_most=True))
    print(*bars, sep="\n")
    return int(not all(bar.holds() for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
