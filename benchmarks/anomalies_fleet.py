"""How long it takes to train a fleet's models and score its latest hour, in what memory, and to score it with the models there.

Run as `python -m benchmarks.anomalies_fleet [--hosts N] [--metrics N] [--days N]`. The hosts' metrics are noise on a daily cycle, a
sample a minute, put straight into raw.system_metrics of a fresh warehouse. The whole fleet and half of it are measured, each in a
process of its own, its workers' memory included. Of fewer than 200 hosts the half is not measured, and time and memory have no bar.
Exits with 1 if a bar is missed.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from benchmarks.bars import Bar
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse

LIMITS = Limits(threads=2, memory="2GB")
FULL_HOSTS = 200
START = datetime(2026, 3, 1, tzinfo=UTC)
SAMPLES = """
    INSERT INTO raw.system_metrics (host, metric, attributes, observed_at, unit, value, status)
    SELECT 'host-' || (i // $metrics) % $hosts, 'fleet.m' || i % $metrics, '',
        CAST($start AS TIMESTAMPTZ) + to_minutes(CAST(i // ($metrics * $hosts) AS BIGINT)), '1',
        round(sin(pi() * (i // ($metrics * $hosts)) / 720) + 0.3 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()), 4), 'ok'
    FROM range($minutes * $metrics * $hosts) AS r(i)
"""
RUN = """
import sys, time
from datetime import datetime, timedelta
from storage.limits import Limits
from tasks.insights.anomaly_scores import ANOMALY_SCORES
from tasks.insights.system_metrics_hourly import SYSTEM_METRICS_HOURLY
from tests.insights import compute_table
start = datetime.fromisoformat(sys.argv[2])
for _ in range(2):
    limits, as_of = Limits(threads=2, memory="2GB"), start + timedelta(hours=1)
    compute_table(SYSTEM_METRICS_HOURLY, sys.argv[1], limits=limits, as_of=as_of, window_start=start)
    began = time.monotonic()
    compute_table(ANOMALY_SCORES, sys.argv[1], limits=limits, as_of=as_of, window_start=start)
    print(time.monotonic() - began)
"""


def fill(home: Home, hosts: int, metrics: int, days: int) -> None:
    """So many days and an hour of samples, a day at a time as they would come in."""
    with warehouse(home, LIMITS) as con:
        for day in range(days + 1):
            minutes = 1440 if day < days else 60
            given = {"hosts": hosts, "metrics": metrics, "minutes": minutes, "start": START + timedelta(days=day)}
            con.execute(SAMPLES, given)


def measure(home: Home, days: int) -> tuple[float, float, float]:
    """Seconds of the first computation and of the second, and the peak memory (GB) of all processes."""
    script = home.root / "run.py"  # of `python -c` DuckDB thinks that somebody sits there, and draws a progress bar
    script.write_text(RUN)
    command = [sys.executable, str(script), str(home.root), (START + timedelta(days=days)).isoformat()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = [0.0]
    watch = threading.Thread(target=_watch, args=(psutil.Process(process.pid), peak), daemon=True)
    watch.start()
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(process.returncode)
    first, second = (float(line) for line in said.split())
    return first, second, peak[0]


def _watch(process: psutil.Process, peak: list[float]) -> None:
    """Unique memory, so that what workers share with each other counts once."""
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        try:
            family = [process, *process.children(recursive=True)]
            peak[0] = max(peak[0], sum(each.memory_full_info().uss for each in family) / 1e9)
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.25)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--metrics", type=int, default=40)
    parser.add_argument("--days", type=int, default=14)
    asked = parser.parse_args(arguments)
    found = {}
    for hosts in (asked.hosts // 2, asked.hosts) if asked.hosts >= FULL_HOSTS else (asked.hosts,):
        with tempfile.TemporaryDirectory() as folder:
            fill(Home(Path(folder)), hosts, asked.metrics, asked.days)
            found[hosts] = first, second, peak = measure(Home(Path(folder)), asked.days)
        size = f"{hosts} hosts x {asked.metrics} metrics x {asked.days} days"
        print(f"{size}: trained and scored in {first:.1f} s, again in {second:.1f} s, {peak:.2f} GB")
    whole, again, peak = found[asked.hosts]
    bars = [Bar("an hour of the same day, in shares of the first", again / whole, 0.2, is_most=True)]
    if asked.hosts >= FULL_HOSTS:
        bars += [
            Bar("training and scoring (s)", whole, 120, is_most=True),
            Bar("memory of all processes (GB)", peak, 4, is_most=True),
            Bar("twice the hosts, in times of the time", whole / found[asked.hosts // 2][0], 2.3, is_most=True),
        ]
    print(*bars, sep="\n")
    return 0 if all(bar.holds() for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
