"""Processes: the few that use the most CPU or memory.

A process is a (pid, create time): a pid alone is given to another process after its first one ends, and psutil's cached
objects do not notice by themselves.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import psutil

from tasks.sources.host.differencing import bound_share, measure_rate
from tasks.sources.host.metric import Metric, Point, format_attributes, read_point
from tasks.sources.host.moment import Interval

_ATTRIBUTES = ("create_time", "name", "pid")
CPU_UTILIZATION = Metric(
    name="process.cpu.utilization",
    unit="1",
    kind="share",
    meaning="Share of the whole machine's CPU time, all logical CPUs together, since the previous reading.",
    read_from="psutil.Process.cpu_times",
    attributes=_ATTRIBUTES,
)
MEMORY_USAGE = Metric(
    "process.memory.usage", "By", "gauge", "Resident memory, shared pages included.", "psutil.Process.memory_info", _ATTRIBUTES
)
THREAD_COUNT = Metric("process.thread.count", "{thread}", "gauge", "Threads.", "psutil.Process.num_threads", _ATTRIBUTES)
METRICS = (CPU_UTILIZATION, MEMORY_USAGE, THREAD_COUNT)
LOGICAL_COUNT_UNKNOWN = "unreadable: logical_cpu_count"

Identity = tuple[int, float]


class Process(NamedTuple):
    """One process: create time in seconds since 1970, CPU seconds so far, resident bytes. None is not permitted to see."""

    pid: int
    created_at_seconds: float
    name: str
    cpu_seconds: float | None
    memory_bytes: int | None
    threads: int | None


Processes = Mapping[Identity, Process]


def read_processes() -> dict[Identity, Process]:
    """All processes, by identity. One that ends, or whose pid goes to another, while it is being read is left out."""
    found = (_read_process(handle) for handle in psutil.process_iter())
    return {(process.pid, process.created_at_seconds): process for process in found if process is not None}


def _read_process(handle: psutil.Process) -> Process | None:
    try:
        info = handle.as_dict(["name", "create_time", "cpu_times", "memory_info", "num_threads"])
        # The handle remembers the create time, not whose counters it reads: only this compares the two.
        if info["create_time"] is None or not handle.is_running():
            return None
    except psutil.NoSuchProcess:
        return None
    times, memory = info["cpu_times"], info["memory_info"]
    return Process(
        pid=handle.pid,
        created_at_seconds=info["create_time"],
        name=info["name"] or "",
        cpu_seconds=None if times is None else times.user + times.system,
        memory_bytes=None if memory is None else memory.rss,
        threads=info["num_threads"],
    )


def rank_processes(before: Processes, after: Processes, interval: Interval, logical_cpus: float | None, count: int) -> list[Point]:
    """The rows of the `count` greatest by CPU and the `count` greatest by memory; ties go to the smaller pid."""
    shares = {key: _measure_share(before.get(key), process, interval, logical_cpus) for key, process in after.items()}
    chosen = {
        *_take_greatest(shares, lambda key: shares[key].value, count),
        *_take_greatest(after, lambda key: after[key].memory_bytes, count),
    }
    return [point for key in sorted(chosen) for point in _describe(after[key], shares[key])]


def _take_greatest(keys: Iterable[Identity], value: Callable[[Identity], float | None], count: int) -> list[Identity]:
    """The keys of the `count` greatest values above 0: what uses nothing is not among those that use the most."""
    ranked = sorted((-known, key) for key in keys if (known := value(key)) is not None and known > 0)
    return [key for _, key in ranked[:count]]


def _measure_share(before: Process | None, after: Process, interval: Interval, logical_cpus: float | None) -> Point:
    rate = measure_rate(before and _count_cpu(before), _count_cpu(after), interval)
    if rate.value is None:
        return rate
    if not logical_cpus:
        return rate._replace(value=None, status=LOGICAL_COUNT_UNKNOWN)
    return bound_share(rate._replace(value=rate.value / logical_cpus))


def _count_cpu(process: Process) -> Point:
    return read_point(CPU_UTILIZATION, process.cpu_seconds)


def _describe(process: Process, share: Point) -> list[Point]:
    """The rows of one process. Only here does `share` get its attributes: most processes have no rows."""
    identity: dict[str, str | int] = {"pid": process.pid, "create_time": f"{process.created_at_seconds:.2f}", "name": process.name}
    return [
        share._replace(attributes=format_attributes(**identity)),
        read_point(MEMORY_USAGE, process.memory_bytes, **identity),
        read_point(THREAD_COUNT, process.threads, **identity),
    ]
