"""CPU: how many there are, and what share of their time each mode took.

Reads psutil's counters of CPU seconds, never its percentages: the first `cpu_percent` of a process is a meaningless 0.0.
"""

from collections.abc import Sequence

import psutil

from tasks.sources.host.differencing import COUNTER_RESET, measure_increase
from tasks.sources.host.metric import OK, Family, Metric, Point, PointsByKey, read_point
from tasks.sources.host.moment import Interval

CPU_COUNT_CHANGED = "cpu_count_changed"
TOO_SOON = "too_soon"

UTILIZATION = Metric(
    name="system.cpu.utilization",
    unit="1",
    kind="mode",
    meaning=(
        "Share of all CPUs' time since the previous reading. Without `mode`: 1 - idle - iowait. With it: that mode "
        "(user, nice, system, idle, iowait, interrupt, softirq, steal, as the system has them); the modes sum to 1."
    ),
    read_from="psutil.cpu_times",
    attributes=("mode",),
)
LOGICAL_COUNT = Metric(
    name="system.cpu.logical.count",
    unit="{cpu}",
    kind="gauge",
    meaning="Logical CPUs of the host, whatever a container may use of them.",
    read_from="psutil.cpu_count",
)

# guest and guest_nice are left out: Linux counts them in user and nice already, so they would count twice.
MODES = {
    "user": "user",
    "nice": "nice",
    "system": "system",
    "idle": "idle",
    "iowait": "iowait",
    "irq": "interrupt",
    "softirq": "softirq",
    "steal": "steal",
}
IDLE_MODES = ("mode=idle", "mode=iowait")
# Linux lets these go down a little when it corrects its guesses. psutil and node_exporter take that as no increase, too.
UNSTEADY_MODES = (*IDLE_MODES, "mode=steal")
# node_exporter, too, takes more than this for a reset.
JUMP_BACK_SECONDS = 3.0
# A machine that was suspended, or put back to a snapshot, counts less time than has passed; what it counts is no share of anything.
LEAST_COUNTED = 0.5


def read_modes() -> list[Point]:
    """Seconds in each mode since boot, summed over the CPUs."""
    times = psutil.cpu_times()
    return [read_point(UTILIZATION, getattr(times, field), mode=mode) for field, mode in MODES.items() if hasattr(times, field)]


def read_count() -> list[Point]:
    """The number of logical CPUs."""
    return [read_point(LOGICAL_COUNT, psutil.cpu_count())]


def share_modes(before: PointsByKey, after: Sequence[Point], interval: Interval) -> list[Point]:
    """The utilization as a whole and per mode, from the counters of all modes; no value at all if any has none."""
    if not any(point.metric is UTILIZATION for point in after):
        return []
    modes = [point for point in after if point.metric is UTILIZATION and point.attributes]
    earlier = [before.get((UTILIZATION.name, point.attributes)) for point in modes]
    increases = [_measure_mode(previous, point, interval) for previous, point in zip(earlier, modes, strict=True)]
    total = sum(point.value or 0.0 for point in increases)
    reason = _find_reason(before, after, increases, total)
    if reason == OK and _jumped_back(earlier, modes) and total < _least_total(after, interval):
        reason = COUNTER_RESET
    if reason != OK:
        return [Point(UTILIZATION, attributes, None, reason) for attributes in ("", *(point.attributes for point in modes))]
    shares = [point._replace(value=(point.value or 0.0) / total) for point in increases]
    busy = sum(point.value or 0.0 for point in shares if point.attributes not in IDLE_MODES)
    return [Point(UTILIZATION, "", min(busy, 1.0)), *shares]


def _measure_mode(before: Point | None, after: Point, interval: Interval) -> Point:
    increase = measure_increase(before, after, interval)
    is_unsteady = increase.status == COUNTER_RESET and after.attributes in UNSTEADY_MODES
    return after._replace(value=0.0) if is_unsteady and _fall(before, after) <= JUMP_BACK_SECONDS else increase


def _fall(before: Point | None, after: Point) -> float:
    """By how many seconds a mode went back; below 0 where it did not."""
    return before.value - after.value if before and before.value is not None and after.value is not None else 0.0


def _jumped_back(before: Sequence[Point | None], after: Sequence[Point]) -> bool:
    return any(_fall(previous, point) > 0 for previous, point in zip(before, after, strict=True))


def _least_total(after: Sequence[Point], interval: Interval) -> float:
    """Less CPU time counted between the readings than this tells nothing (s)."""
    cpus = next((point.value for point in after if point.metric is LOGICAL_COUNT), None)
    return LEAST_COUNTED * (interval.seconds or 0.0) * (cpus or 0.0)


def _find_reason(before: PointsByKey, after: Sequence[Point], increases: Sequence[Point], total: float) -> str:
    """Why there are no shares, or `ok`."""
    unread = [point.status for point in (*after, *increases) if point.metric is UTILIZATION and point.value is None]
    if unread:
        return unread[0]
    count = next((point.value for point in after if point.metric is LOGICAL_COUNT), None)
    count_before = before.get((LOGICAL_COUNT.name, ""))
    if count_before is not None and None not in (count, count_before.value) and count != count_before.value:
        return CPU_COUNT_CHANGED  # a CPU that comes or goes brings or takes all its time since boot
    return OK if total > 0 else TOO_SOON


FAMILIES = (Family(read_modes, (UTILIZATION,)), Family(read_count, (LOGICAL_COUNT,)))
