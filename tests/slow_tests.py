"""Which tests are slow: those that `slow_tests.txt` names, a function of a file with all its parameters, or a whole file.

`make test` leaves them to CI and `make test-all`. The list is written from the durations of a whole run:

    make test-all PYTEST_ADDOPTS="--durations=0 --durations-min=0.05" > durations.log; python -m tests.slow_tests durations.log
"""

import re
import sys
from collections import Counter
from collections.abc import Container, Iterable
from pathlib import Path
from zlib import crc32

LIST = Path(__file__).with_suffix(".txt")
SECONDS = 0.42
"""What takes longer, with all its parameters, is slow."""
SHARED_SECONDS = 3.0
"""A set-up that takes longer is one that tests share; it tells nothing of the test that happened to come first."""
WHOLE = (
    "tests/tasks/insights/test_active_scans_of_fleets.py",
    "tests/tasks/sources/mappings/test_prefect.py",
    "tests/tasks/sources/sample/test_sample_truth.py",
)
"""Files in which all share a set-up that is slow."""
KEPT_SECONDS = 1.5
"""Of a file of slow tests alone the quickest is kept, if it takes no longer."""
KEPT = (
    "tests/flows/serving/test_supervisor.py::test_flow_run_sees",
    "tests/flows/serving/test_supervisor.py::test_port_in_use",
    "tests/flows/test_run.py::test_one_command",
    "tests/tasks/insights/test_cases.py",
    "tests/tasks/insights/test_sources_and_people.py",
)
"""Files of many quick cases of one function; a whole real run, and a real `up`."""
DURATION = re.compile(r"\s*(?P<seconds>[\d.]+)s (?P<phase>call|setup|teardown)\s+(?P<file>\S+?)::(?P<name>[\w:]+)")


def slow_tests() -> frozenset[str]:
    """Their names, `tests/file.py::function` or `tests/file.py`."""
    return frozenset(LIST.read_text().split())


def is_slow(node_id: str, slow: Container[str]) -> bool:
    """Whether the list names the test, or its file."""
    name = node_id.split("[")[0].split("@")[0]
    return name in slow or name.partition("::")[0] in slow


def is_in_part(node_id: str, part: str) -> bool:
    """Whether a test belongs to a part of all, `2/3` for the second of three: a function with all its parameters."""
    number, _, parts = part.partition("/")
    return crc32(node_id.split("[")[0].encode()) % int(parts) == int(number) - 1


def find_slow(lines: Iterable[str]) -> list[str]:
    """Those that are slow by what pytest says of durations."""
    took: Counter[str] = Counter()
    for found in filter(None, map(DURATION.match, lines)):
        seconds = float(found["seconds"])
        is_shared = found["phase"] == "setup" and seconds > SHARED_SECONDS
        took[f"{found['file']}::{found['name']}"] += 0.0 if is_shared else seconds
    slow = {name for name, seconds in took.items() if seconds > SECONDS and not name.startswith(KEPT)}
    files = {name.partition("::")[0] for name in took}
    for file in files:
        of_file = [name for name in took if name.startswith(f"{file}::")]
        quickest = min(of_file, key=took.__getitem__)
        if slow.issuperset(of_file) and took[quickest] <= KEPT_SECONDS:
            slow.remove(quickest)
    return sorted({*(name for name in slow if not name.startswith(WHOLE)), *WHOLE})


if __name__ == "__main__":
    LIST.write_text("\n".join(find_slow(Path(sys.argv[1]).read_text().splitlines())) + "\n")
