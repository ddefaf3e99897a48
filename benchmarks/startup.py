"""What a start costs, in CPU seconds of everything that is started: `python -m benchmarks.startup [--slower 2] [--times 1]`.

`govpulse --help`; a scheduled flow run's process until its flow begins, by collecting, which comes every five minutes, and by each
other flow; and `govpulse run --only alerts` where no server is up, in a new home and once more. Beside them, without a bar, what
Python with Prefect alone takes: whoever compares machines compares by that. Each figure is the least of so many times.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bars import Bar

ROOT = Path(__file__).parents[1]
FLOWS = ("system_metrics", "alerts", "sources", "insights")
LIMITS = {"--help": 0.4, "a flow run's process": 1.2, "run --only alerts": 4.0}
BEGIN = "from flows.collecting import collect_seldom; collect_seldom(); import prefect.engine, prefect.flow_engine, flows.{}"


def cpu_seconds(*command: str, home: Path | None = None) -> float:
    """CPU seconds of Python with these arguments, and of all that it starts and waits for."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GOVPULSE_", "PREFECT_"))}
    environment = clean if home is None else clean | {"GOVPULSE_HOME": str(home)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def least(times: int, measure: Callable[[], float]) -> float:
    """What else goes on can make it dearer only. The first time may compile modules."""
    return min(measure() for _ in range(times))


@contextmanager
def new_home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "data")


def evaluate_twice() -> tuple[float, float]:
    with new_home() as home:
        command = ("-m", "flows", "run", "--only", "alerts")
        return cpu_seconds(*command, home=home), cpu_seconds(*command, home=home)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--slower", type=float, default=1.0, help="how many times slower this machine may be than that of the bars")
    parser.add_argument("--times", type=int, default=3, help="how often; the least counts")
    asked = parser.parse_args()
    slower, times = asked.slower, asked.times
    print(f"Python with Prefect alone: {least(times, lambda: cpu_seconds('-c', 'import prefect.main')):.2f} CPU s")
    figures = [("--help", "--help", least(times, lambda: cpu_seconds("-m", "flows", "--help")))]
    for flow in FLOWS:
        taken = least(times, lambda flow=flow: cpu_seconds("-c", BEGIN.format(flow)))
        figures.append(("a flow run's process", f"a flow run's process, {flow}", taken))
    first, second = (min(each) for each in zip(*(evaluate_twice() for _ in range(times)), strict=True))
    figures.append(("run --only alerts", "run --only alerts in a new home", first))
    figures.append(("run --only alerts", "run --only alerts once more", second))
    bars = [Bar(f"{what}, CPU s", taken, LIMITS[kind] * slower, is_most=True) for kind, what, taken in figures]
    for bar in bars:
        print(bar)
    sys.exit(not all(bar.holds() for bar in bars))


if __name__ == "__main__":
    main()
