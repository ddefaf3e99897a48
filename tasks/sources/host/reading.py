"""One reading of the host: everything that psutil and the kernel say at one moment, raw, before anything is computed.

Reads psutil, `/proc/pressure` and `/sys/fs/cgroup`. A family that fails leaves a point without a value for each of its
metrics, and the others as they are.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tasks.sources.host import cgroups, cpu, disks, filesystems, memory, network, pressure, processes, system
from tasks.sources.host.metric import Family, Metric, Point, fail_point
from tasks.sources.host.moment import SYSTEM_CLOCK, Clock, Moment, read_moment
from tasks.sources.host.processes import Identity, Process, read_processes

# Counters first, so that they are read as close to the moment's clock as can be.
FAMILIES: tuple[Family, ...] = (
    *cpu.FAMILIES,
    *disks.FAMILIES,
    *network.FAMILIES,
    *pressure.FAMILIES,
    *memory.FAMILIES,
    *filesystems.FAMILIES,
    *cgroups.FAMILIES,
    *system.FAMILIES,
)
METRICS: tuple[Metric, ...] = (*(metric for family in FAMILIES for metric in family.metrics), *processes.METRICS)


@dataclass(frozen=True)
class Reading:
    """Gauges and counters as they stand at `moment`. `points` has counters' totals, not yet rates."""

    moment: Moment
    points: tuple[Point, ...]
    processes: dict[Identity, Process]


def read_host(
    clock: Clock = SYSTEM_CLOCK,
    families: Iterable[Family] = FAMILIES,
    read_processes: Callable[[], dict[Identity, Process]] = read_processes,
) -> Reading:
    """Read this host. Never fails: what cannot be read is a point without a value."""
    moment = read_moment(clock)
    points = [point for family in families for point in _read_family(family)]
    try:
        found = read_processes()
    except Exception as error:  # noqa: BLE001 - as in _read_family
        found = {}
        points += [fail_point(metric, error) for metric in processes.METRICS]
    return Reading(moment, tuple(points), found)


def _read_family(family: Family) -> list[Point]:
    try:
        return list(family.read())
    except Exception as error:  # noqa: BLE001 - whatever a container's imitation of /proc does, it costs this family only
        return [fail_point(metric, error) for metric in family.metrics]
