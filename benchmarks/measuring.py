"""A measurement in a process of its own: what it took there, and the most memory that the process ever held."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
PEERS = ".bench"
"""Packages that only the peers need; make .bench/ready installs them there."""
NOT_INSTALLED = 3
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Figure:
    """What something took: seconds, CPU seconds of the client, peak memory (MB; None where it says nothing), rows it read."""

    seconds: float
    cpu_seconds: float
    peak_mb: float | None = None
    rows: int | None = None


def middle(figures: list[Figure]) -> Figure:
    """The median of each; of the peaks the greatest, because the limit is on all of them."""
    peaks = [figure.peak_mb for figure in figures if figure.peak_mb is not None]
    seconds, cpu_seconds = median(figure.seconds for figure in figures), median(figure.cpu_seconds for figure in figures)
    return Figure(seconds, cpu_seconds, max(peaks, default=None), figures[-1].rows)


def measure_child(module: str, *arguments: str) -> Figure | None:
    """Run a module of ours that ends with `report`; None where what it measures is not installed."""
    environment = {**os.environ, "PYTHONPATH": PEERS} if module.endswith("peers") else None
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode == NOT_INSTALLED:
        return None
    if process.returncode:
        raise RuntimeError(f"{module} {arguments[0]} failed with exit code {process.returncode}")
    seconds, cpu_seconds, rows = json.loads(said.splitlines()[-1])
    return Figure(seconds, cpu_seconds, usage.ru_maxrss * MAXRSS_BYTES / 1e6, rows)


def report(action: Callable[[], int]) -> None:
    """Do it and tell the parent what it took. Imports are not in it: they are the start of a flow or a script.

    Args:
        action: returns how many rows it read.
    """
    started, cpu_before = time.perf_counter(), time.process_time()
    rows = action()
    print(json.dumps([time.perf_counter() - started, time.process_time() - cpu_before, rows]))
