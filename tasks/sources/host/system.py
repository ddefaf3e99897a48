"""The host as a whole: load averages, uptime, number of processes."""

import time

import psutil

from tasks.sources.host.metric import Family, Metric, Point, read_point

_LOAD_MEANING = "Mean number of threads that ran or waited, over the last {}. On Linux it counts waiting for disks, too."
LOAD_1M = Metric("system.cpu.load_average.1m", "{thread}", "gauge", _LOAD_MEANING.format("minute"), "psutil.getloadavg")
LOAD_5M = Metric("system.cpu.load_average.5m", "{thread}", "gauge", _LOAD_MEANING.format("5 minutes"), "psutil.getloadavg")
LOAD_15M = Metric("system.cpu.load_average.15m", "{thread}", "gauge", _LOAD_MEANING.format("15 minutes"), "psutil.getloadavg")
UPTIME = Metric("system.uptime", "s", "gauge", "Since the host booted.", "psutil.boot_time")
PROCESS_COUNT = Metric("system.process.count", "{process}", "gauge", "Processes that exist, in any state.", "psutil.pids")


def read_load() -> list[Point]:
    """Load averages, not divided by the number of CPUs."""
    return [read_point(metric, load) for metric, load in zip((LOAD_1M, LOAD_5M, LOAD_15M), psutil.getloadavg(), strict=True)]


def read_uptime() -> list[Point]:
    """Wall clock minus boot time; both move together when the clock is set."""
    return [read_point(UPTIME, time.time() - psutil.boot_time())]


def read_process_count() -> list[Point]:
    """The number of processes."""
    return [read_point(PROCESS_COUNT, len(psutil.pids()))]


FAMILIES = (
    Family(read_load, (LOAD_1M, LOAD_5M, LOAD_15M)),
    Family(read_uptime, (UPTIME,)),
    Family(read_process_count, (PROCESS_COUNT,)),
)
