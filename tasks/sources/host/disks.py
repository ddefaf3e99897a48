"""Disks: bytes and operations per second, and the share of time that they were busy."""

import re
from pathlib import Path

import psutil

from tasks.sources.host.metric import Family, Metric, Point, read_point

IO = Metric(
    "system.disk.io", "By/s", "rate", "Bytes read and written per second.", "psutil.disk_io_counters", ("device", "direction")
)
OPERATIONS = Metric(
    name="system.disk.operations",
    unit="{operation}/s",
    kind="rate",
    meaning="Reads and writes completed per second.",
    read_from="psutil.disk_io_counters",
    attributes=("device", "direction"),
)
IO_TIME = Metric(
    name="system.disk.io_time",
    unit="1",
    kind="share",
    meaning="Share of the time in which the disk had something to do. Linux keeps it per disk, so it has no direction.",
    read_from="psutil.disk_io_counters",
    attributes=("device",),
)

# Their work is done by memory or by the disk below, and there are always eight of them.
NO_DISKS = re.compile(r"(loop|ram|zram|fd|sr)\d+")
BLOCK_DEVICES = Path("/sys/class/block")


def read_disks() -> list[Point]:
    """Counters since boot of every whole disk; nothing on a machine without disks."""
    try:
        # nowrap would hide a counter that started again behind a sum that psutil keeps.
        disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    except NotImplementedError:
        return []
    return [point for device, counters in disks.items() if _is_whole_disk(device) for point in _read_disk(device, counters)]


def _is_whole_disk(device: str) -> bool:
    """Partitions are left out: their disk counts the same bytes again."""
    return NO_DISKS.fullmatch(device) is None and not (BLOCK_DEVICES / device / "partition").exists()


def _read_disk(device: str, counters: object) -> list[Point]:
    """The counters that this system has: psutil leaves out the fields that it does not have."""
    points = [
        read_point(metric, getattr(counters, field), device=device, direction=direction)
        for metric, suffix in ((IO, "bytes"), (OPERATIONS, "count"))
        for direction in ("read", "write")
        if hasattr(counters, field := f"{direction}_{suffix}")
    ]
    if hasattr(counters, "busy_time"):
        points.append(read_point(IO_TIME, _to_seconds(counters.busy_time), device=device))
    return points


def _to_seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


FAMILIES = (Family(read_disks, (IO, OPERATIONS, IO_TIME)),)
