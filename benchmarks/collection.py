"""What collecting host metrics costs: a sample beside psutil's own calls, and an hour of it in percent of one core.

Run as `python -m benchmarks.collection [--samples N] [--run-start-seconds S]`. CPU time, not wall time: it is steadier, and it is
what the host pays. The start of a run is the argument; else, with PREFECT_API_URL set, a real flow run against that
server; else the imports alone, which are its lower bound.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil

from storage.home import Home
from storage.intake.landing import land
from tasks.sources.host.reading import read_host
from tasks.sources.host.rows import build_frame, compute_rows

PROCESS_FIELDS = ["name", "create_time", "cpu_times", "memory_info", "num_threads"]
RUNS_AN_HOUR, SAMPLES_AN_HOUR, LANDINGS_AN_HOUR = 12, 240, 60
BUDGET_PERCENT = 3.0
IMPORTS = "import tasks.sources.host.collection"
FLOW_RUN = f"{IMPORTS}\nfrom prefect import flow\n@flow(name='nothing')\ndef nothing() -> None: ...\nnothing()"


def call_psutil() -> None:
    """The same data as one of our readings, by psutil alone, with nothing made of it."""
    psutil.cpu_times()
    psutil.cpu_count()
    psutil.virtual_memory()
    psutil.swap_memory()
    psutil.getloadavg()
    psutil.boot_time()
    psutil.pids()
    psutil.disk_io_counters(perdisk=True, nowrap=False)
    psutil.net_io_counters(pernic=True, nowrap=False)
    for partition in psutil.disk_partitions(all=False):
        psutil.disk_usage(partition.mountpoint)
    list(psutil.process_iter(PROCESS_FIELDS))


def measure(actions: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median CPU milliseconds of each action; they take turns, so that a busy moment hits all alike."""
    spent: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(repeats + 1):
        for name, action in actions.items():
            before = time.process_time_ns()
            action()
            if turn:  # the first turn fills caches
                spent[name].append((time.process_time_ns() - before) / 1e6)
    return {name: median(times) for name, times in spent.items()}


def measure_start() -> tuple[str, float]:
    """What was measured as the start of a run, and its CPU seconds, children included."""
    has_server = "PREFECT_API_URL" in os.environ
    what, code = ("a flow run on the given server", FLOW_RUN) if has_server else ("imports only, a lower bound", IMPORTS)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return what, (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=50, help="how many times each is measured")
    parser.add_argument("--run-start-seconds", type=float, help="CPU seconds that starting a flow run costs")
    options = parser.parse_args()
    previous = read_host()
    rows = compute_rows("host", previous, read_host(), 10)
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(
            {
                "sample": lambda: compute_rows("host", previous, read_host(), 10),
                "psutil": call_psutil,
                "landing": lambda: land(Home(Path(folder)), "system_metrics", build_frame(rows * 4)),
            },
            options.samples,
        )
    what, start = ("as given", options.run_start_seconds) if options.run_start_seconds else measure_start()
    report(costs, len(rows), what, start, options.samples)


def report(costs: dict[str, float], rows: int, what: str, start_seconds: float, repeats: int) -> None:
    """Print the figures. `costs` in CPU milliseconds."""
    print(f"{len(psutil.pids())} processes, {rows} rows a sample, median of {repeats}")
    print(f"psutil's own calls  {costs['psutil']:8.2f} ms CPU")
    print(f"our sample          {costs['sample']:8.2f} ms CPU, {costs['sample'] / costs['psutil']:.2f} times psutil's own")
    print(f"a landing           {costs['landing']:8.2f} ms CPU, of 4 samples")
    print(f"start of a run      {start_seconds * 1000:8.0f} ms CPU, {what}")
    parts = {
        f"{RUNS_AN_HOUR} starts": RUNS_AN_HOUR * start_seconds,
        f"{SAMPLES_AN_HOUR} samples": SAMPLES_AN_HOUR * costs["sample"] / 1000,
        f"{LANDINGS_AN_HOUR} landings": LANDINGS_AN_HOUR * costs["landing"] / 1000,
    }
    seconds = sum(parts.values())
    print(f"an hour             {seconds:8.2f} s CPU: " + ", ".join(f"{name} {cost:.2f} s" for name, cost in parts.items()))
    print(f"                    {seconds / 36:8.2f} % of a core; the bar is {BUDGET_PERCENT} %, worker and server not counted here")


if __name__ == "__main__":
    main()
