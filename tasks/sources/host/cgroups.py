"""What a container or service may use: cgroup v2, or v1 where the memory controller still lives there.

psutil shows the host even inside a container, so a job can be killed at its limit while the host looks idle. A limit on a
cgroup further up binds as well, so the tightest one on the way to the root counts.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from tasks.sources.host.metric import Family, Metric, Point, fail_point, read_point

MEMORY_USAGE = Metric(
    name="container.memory.usage",
    unit="By",
    kind="gauge",
    meaning="Memory that the cgroup of the collector holds, file cache included; of the limited cgroup if one is around it.",
    read_from="/sys/fs/cgroup: memory.current, v1 memory.usage_in_bytes",
)
WORKING_SET = Metric(
    name="container.memory.working_set",
    unit="By",
    kind="gauge",
    meaning="The same without the file cache that the kernel takes back first (inactive_file): what counts against the limit.",
    read_from="/sys/fs/cgroup: memory.current - inactive_file of memory.stat, v1 memory.usage_in_bytes - total_inactive_file",
)
MEMORY_LIMIT = Metric(
    name="container.memory.limit",
    unit="By",
    kind="gauge",
    meaning="The tightest memory limit around the collector. No row where there is none.",
    read_from="/sys/fs/cgroup: memory.max, v1 memory.limit_in_bytes",
)
CPU_LIMIT = Metric(
    name="container.cpu.limit",
    unit="{cpu}",
    kind="gauge",
    meaning="CPUs' worth of time that the collector's cgroup may use. No row where there is no limit.",
    read_from="/sys/fs/cgroup: cpu.max, v1 cpu.cfs_quota_us / cpu.cfs_period_us",
)

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# v1 writes "no limit" as the largest whole number of pages.
V1_UNLIMITED_BYTES = 2**60

ReadLimit = Callable[[Path], float | None]


def read_cgroups(root: Path = ROOT, membership: Path = MEMBERSHIP) -> list[Point]:
    """Usage and limits of the cgroup that this process is in; nothing where there are no cgroups."""
    try:
        paths = _parse_membership(membership.read_text())
    except FileNotFoundError:
        return []
    if (root / "cgroup.controllers").exists():
        folders = _list_folders(root, paths.get("", "/"))
        return [*_read_memory(folders, "memory.current", _read_v2_bytes), *_read_cpu(folders, _read_v2_cpus)]
    memory = _list_folders(root / "memory", paths.get("memory", "/"))
    cpu = _list_folders(root / "cpu", paths.get("cpu", "/"))
    return [*_read_memory(memory, "memory.usage_in_bytes", _read_v1_bytes), *_read_cpu(cpu, _read_v1_cpus)]


def _parse_membership(text: str) -> dict[str, str]:
    """Path by controller; v2 has the one controller "". Lines are `id:controllers:path`."""
    lines = [line.split(":", 2) for line in text.splitlines()]
    return {controller: path for _, controllers, path in lines for controller in controllers.split(",")}


def _list_folders(mount: Path, path: str) -> list[Path]:
    """The cgroup's folder and those around it, innermost first. A container may see its own as the mount itself."""
    inside = Path(path.lstrip("/"))
    if ".." in inside.parts:
        inside = Path()
    return [folder for folder in (mount / part for part in (inside, *inside.parents)) if folder.is_dir()]


def _read_memory(folders: Sequence[Path], usage_file: str, read_limit: ReadLimit) -> list[Point]:
    try:
        limits = [(limit, folder) for folder in folders if (limit := read_limit(folder)) is not None]
    except OSError as error:
        return [fail_point(MEMORY_LIMIT, error), *_read_usage(folders, usage_file)]
    if not limits:
        return _read_usage(folders, usage_file)
    limit, limited = min(limits, key=lambda entry: entry[0])
    return [read_point(MEMORY_LIMIT, limit), *_read_usage([limited], usage_file)]


def _read_usage(folders: Sequence[Path], usage_file: str) -> list[Point]:
    held = next((folder for folder in folders if (folder / usage_file).exists()), None)
    if held is None:
        return []
    try:
        usage = int((held / usage_file).read_text())
        inactive = _read_inactive(held)
    except OSError as error:
        return [fail_point(MEMORY_USAGE, error)]
    working_set = [] if inactive is None else [read_point(WORKING_SET, max(usage - inactive, 0))]
    return [read_point(MEMORY_USAGE, usage), *working_set]


def _read_inactive(folder: Path) -> int | None:
    """Bytes of inactive file cache, with those of the cgroups inside: v1 has a line of its own for these."""
    fields = dict(line.split(maxsplit=1) for line in (_read_text(folder / "memory.stat") or "").splitlines())
    inactive = fields.get("total_inactive_file", fields.get("inactive_file"))
    return None if inactive is None else int(inactive)


def _read_cpu(folders: Sequence[Path], read_limit: ReadLimit) -> list[Point]:
    try:
        limits = [limit for folder in folders if (limit := read_limit(folder)) is not None]
    except OSError as error:
        return [fail_point(CPU_LIMIT, error)]
    return [read_point(CPU_LIMIT, min(limits))] if limits else []


def _read_text(path: Path) -> str | None:
    """The file's text; None where the cgroup has no such file, as the root has none of them."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None


def _read_v2_bytes(folder: Path) -> float | None:
    text = _read_text(folder / "memory.max")
    return None if text in (None, "max") else float(text)


def _read_v2_cpus(folder: Path) -> float | None:
    quota, _, period = (_read_text(folder / "cpu.max") or "max").partition(" ")
    return None if quota == "max" else float(quota) / float(period)


def _read_v1_bytes(folder: Path) -> float | None:
    text = _read_text(folder / "memory.limit_in_bytes")
    return None if text is None or int(text) >= V1_UNLIMITED_BYTES else float(text)


def _read_v1_cpus(folder: Path) -> float | None:
    quota, period = _read_text(folder / "cpu.cfs_quota_us"), _read_text(folder / "cpu.cfs_period_us")
    return None if quota is None or period is None or int(quota) < 0 else int(quota) / int(period)


FAMILIES = (Family(read_cgroups, (MEMORY_USAGE, WORKING_SET, MEMORY_LIMIT, CPU_LIMIT)),)
