"""What collecting costs through a real worker: `python -m benchmarks.collection_hour [--minutes 60]`.

Starts a Prefect server, measures it idle, then deploys only `collect-system-metrics` and lets a worker run its schedule. CPU
seconds come from the kernel: of every live process below the worker's guard, its own and those of the children it has reaped, so
that flow runs that have ended count. The bar is 3 % of one core for the worker's side, flow start-up included.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import psutil

from flows.serving.guarded_process import GuardedProcess, last_lines
from flows.serving.installation import PREFECT, Serving, plan
from flows.serving.prefect_server import is_healthy
from storage.home import Home

ROOT = Path(__file__).parents[1]
PORT = 4290
IDLE_SECONDS = 120


def cpu_seconds(process: GuardedProcess) -> float:
    """CPU seconds of the tree below `process`, ended children included."""
    assert process.guard is not None
    root = psutil.Process(process.guard.pid)
    while True:
        try:
            return sum(sum(tree.cpu_times()[:4]) for tree in [root, *root.children(recursive=True)])
        except psutil.NoSuchProcess:  # one ended between being listed and being read
            continue


def measure(process: GuardedProcess, seconds: float) -> float:
    """CPU seconds that the tree uses in the next `seconds`."""
    before = cpu_seconds(process)
    time.sleep(seconds)
    return cpu_seconds(process) - before


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    seconds = parser.parse_args().minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.create()
        run(home, seconds)


def run(home: Home, seconds: float) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    plans = plan(home, ROOT, Serving(port=PORT), None, environment)
    server, worker = plans.server, plans.worker
    assert server is not None
    only_collecting = replace(plans.deployments, command=[*PREFECT, "deploy", "--name", "collect-system-metrics"])
    server.start()
    try:
        while not is_healthy(plans.api_url):
            time.sleep(0.5)
        for step in (plans.registration, only_collecting):
            step.start()
            assert step.guard is not None
            assert step.guard.wait() == 0, last_lines(step.log, 20)
        idle = measure(server, IDLE_SECONDS) / IDLE_SECONDS
        worker.start()
        server_before, started = cpu_seconds(server), time.monotonic()
        used = measure(worker, seconds)
        elapsed = time.monotonic() - started
        served = cpu_seconds(server) - server_before
        report(home, elapsed, used, served, idle)
    finally:
        worker.stop()
        server.stop()


def report(home: Home, elapsed: float, used: float, served: float, idle: float) -> None:
    samples = pl.read_parquet(home.landing / "system_metrics" / "*.parquet")["observed_at"].unique().sort()
    gaps = samples.diff().drop_nulls().dt.total_milliseconds() / 1000
    print(f"{elapsed / 60:.0f} min, {samples.len()} samples, longest gap {gaps.max():.0f} s")
    print(f"worker and flow runs: {used:.1f} CPU s, {used / elapsed:.2%} of one core")
    print(f"server: idle {idle:.2%}, while collecting {served / elapsed:.2%} of one core")


if __name__ == "__main__":
    main()
