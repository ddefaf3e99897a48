"""Processes: who is who when pids are used again, and which of them have rows."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tasks.sources.host.moment import Interval
from tasks.sources.host.processes import Identity, Process, Processes, rank_processes, read_processes

TEN_SECONDS = Interval(10.0)


def table(*processes: Process) -> dict[Identity, Process]:
    return {(process.pid, process.created_at_seconds): process for process in processes}


def rank(
    before: Processes, after: Processes, count: int = 5, interval: Interval = TEN_SECONDS, cpus: float | None = 2.0
) -> dict[str, tuple[float | None, str]]:
    points = rank_processes(before, after, interval, cpus, count)
    return {f"{point.metric.name} {point.attributes}": (point.value, point.status) for point in points}


def test_golden_rows_of_one_process() -> None:
    """5 CPU seconds in 10 s on two CPUs: a quarter of the machine."""
    before = table(Process(7, 100.25, "worker", 20.0, 1000, 3))
    after = table(Process(7, 100.25, "worker", 25.0, 2000, 4))
    identity = "create_time=100.25,name=worker,pid=7"
    assert rank(before, after) == {
        f"process.cpu.utilization {identity}": (0.25, "ok"),
        f"process.memory.usage {identity}": (2000, "ok"),
        f"process.thread.count {identity}": (4, "ok"),
    }


def test_a_pid_used_again_is_another_process() -> None:
    before = table(Process(7, 100.0, "old", 50.0, 1000, 1))
    after = table(Process(7, 105.0, "new", 60.0, 1000, 1))
    assert rank(before, after)["process.cpu.utilization create_time=105.00,name=new,pid=7"] == (None, "no_previous_reading")


def test_the_greatest_by_cpu_and_by_memory_and_nobody_idle() -> None:
    before = table(*(Process(pid, 1.0, "p", 0.0, 10, 1) for pid in range(1, 7)))
    used = {1: (0.0, 900), 2: (4.0, 10), 3: (2.0, 10), 4: (0.0, 800), 5: (1.0, 10), 6: (0.0, 0)}
    after = table(*(Process(pid, 1.0, "p", cpu, memory, 1) for pid, (cpu, memory) in used.items()))
    chosen = {key.rpartition("pid=")[2] for key in rank(before, after, count=2)}
    assert chosen == {"2", "3", "1", "4"}
    assert {key.rpartition("pid=")[2] for key in rank(before, after, count=9)} == {"1", "2", "3", "4", "5"}
    assert rank(before, after, count=0) == {}


@pytest.mark.parametrize(
    ("interval", "cpus", "status"),
    [(Interval(None, "rebooted"), 2.0, "rebooted"), (TEN_SECONDS, None, "unreadable: logical_cpu_count")],
)
def test_a_share_that_cannot_be_known(interval: Interval, cpus: float | None, status: str) -> None:
    one = table(Process(7, 1.0, "p", 5.0, 10, 1))
    assert rank(one, one, 1, interval, cpus)["process.cpu.utilization create_time=1.00,name=p,pid=7"] == (None, status)


def test_what_may_not_be_seen_is_not_zero() -> None:
    before = table(Process(7, 1.0, "p", 0.0, None, None))
    after = table(Process(7, 1.0, "p", 5.0, None, None))
    found = rank(before, after)
    assert found["process.memory.usage create_time=1.00,name=p,pid=7"] == (None, "unreadable: not_reported")
    assert found["process.thread.count create_time=1.00,name=p,pid=7"] == (None, "unreadable: not_reported")


def test_this_process_is_read_as_it_is() -> None:
    me = psutil.Process()
    mine = read_processes()[(me.pid, me.create_time())]
    assert mine.memory_bytes == pytest.approx(me.memory_info().rss, rel=0.1)
    assert mine.threads == me.num_threads()
    assert mine.cpu_seconds == pytest.approx(sum(os.times()[:2]), abs=0.5)


def test_a_process_that_has_ended_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert child.pid in {pid for pid, _ in read_processes()}
    child.communicate(b"\n")
    assert child.pid not in {pid for pid, _ in read_processes()}


@pytest.fixture
def procfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    psutil.process_iter.cache_clear()
    (tmp_path / "stat").write_text("cpu  1 1 1 1 1 1 1 1 1 1\nbtime 1000\n")
    yield tmp_path
    psutil.process_iter.cache_clear()


def write_process(procfs: Path, name: str, cpu_ticks: int, start_ticks: int) -> None:
    (procfs / "7").mkdir(exist_ok=True)
    fields = ["S", *["0"] * 10, str(cpu_ticks), *["0"] * 7, str(start_ticks), *["0"] * 30]
    (procfs / "7" / "stat").write_text(f"7 ({name}) {' '.join(fields)}\n")
    (procfs / "7" / "statm").write_text("500 100 0 0 0 0 0\n")
    (procfs / "7" / "status").write_text(f"Name:\t{name}\nThreads:\t2\n")


def test_counters_are_never_put_under_the_create_time_of_the_one_before(procfs: Path) -> None:
    write_process(procfs, "old", cpu_ticks=5000, start_ticks=100)
    assert [(key, process.name) for key, process in read_processes().items()] == [((7, 1001.0), "old")]
    write_process(procfs, "new", cpu_ticks=6000, start_ticks=90000)
    later = [read_processes() for _ in range(3)]
    assert all((7, 1001.0) not in processes for processes in later)
    assert later[-1] == {(7, 1900.0): Process(7, 1900.0, "new", 60.0, 100 * os.sysconf("SC_PAGE_SIZE"), 2)}
