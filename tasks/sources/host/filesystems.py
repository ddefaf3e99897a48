"""Filesystems: how full they are, as someone who is not root sees it, which is what `df` shows."""

from pathlib import Path

import psutil

from tasks.sources.host.metric import Family, Metric, Point, fail_point, read_point

USAGE = Metric(
    name="system.filesystem.usage",
    unit="By",
    kind="gauge",
    meaning="Space by state: used, free (for anyone), reserved (for root only). The states sum to the size.",
    read_from="psutil.disk_usage",
    attributes=("mountpoint", "state"),
)
UTILIZATION = Metric(
    name="system.filesystem.utilization",
    unit="1",
    kind="gauge",
    meaning=(
        "used / (used + free), as `df` has it; 1 is full for everyone but root. One row a device, at its shortest mount "
        "point, and always `/`. Network filesystems are left out, because a dead server would hang the reading, and mounted files."
    ),
    read_from="psutil.disk_usage",
    attributes=("mountpoint",),
)

# Images that are mounted read-only are always full, and that is no news.
IMAGE_TYPES = {"squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs"}


def read_filesystems() -> list[Point]:
    """Every filesystem on a device, and the root filesystem even where it is not on one (as in a container)."""
    return [point for mountpoint in _list_mountpoints() for point in _read_filesystem(mountpoint)]


def _list_mountpoints() -> list[str]:
    partitions = (part for part in psutil.disk_partitions(all=False) if part.fstype not in IMAGE_TYPES)
    # Containers get single files of the host, such as /etc/hosts, mounted into them.
    mounts = [part for part in partitions if not Path(part.mountpoint).is_file()]
    shortest: dict[str, str] = {}
    for part in sorted(mounts, key=lambda part: (len(part.mountpoint), part.mountpoint)):
        shortest.setdefault(part.device, part.mountpoint)
    return sorted({"/", *shortest.values()})


def _read_filesystem(mountpoint: str) -> list[Point]:
    try:
        usage = psutil.disk_usage(mountpoint)
    except OSError as error:
        return [fail_point(metric, error, mountpoint=mountpoint) for metric in (USAGE, UTILIZATION)]
    usable = usage.used + usage.free
    if not usable:
        return []
    reserved = max(usage.total - usable, 0)
    states = {"used": usage.used, "free": usage.free, "reserved": reserved}
    return [
        *(read_point(USAGE, size, mountpoint=mountpoint, state=state) for state, size in states.items()),
        read_point(UTILIZATION, usage.used / usable, mountpoint=mountpoint),
    ]


FAMILIES = (Family(read_filesystems, (USAGE, UTILIZATION)),)
