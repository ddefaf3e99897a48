"""Pressure (PSI): the share of time in which something waited for CPU, memory or disks. It says more than a load average."""

import errno
import re
from pathlib import Path

from tasks.sources.host.metric import Family, Metric, Point, fail_point, read_point

STALLED = Metric(
    name="system.pressure.stalled",
    unit="1",
    kind="share",
    meaning=(
        "Share of the time in which at least one task (`severity=some`) or every task that could run (`severity=full`) "
        "waited for the `resource`: cpu, memory, io. No name in OpenTelemetry. No rows where the kernel has no PSI."
    ),
    read_from="/proc/pressure/*",
    attributes=("resource", "severity"),
)
ROOT = Path("/proc/pressure")
# `full` of the CPU means nothing for a whole host; the kernel writes a 0 there only to keep the form of the file.
RESOURCES = {"cpu": ("some",), "memory": ("some", "full"), "io": ("some", "full")}
SWITCHED_OFF = (errno.EOPNOTSUPP, errno.ENOTSUP)
_TOTAL = re.compile(r"^(some|full) .*\btotal=(\d+)$", re.MULTILINE)


def read_pressure(root: Path = ROOT) -> list[Point]:
    """Seconds stalled since boot; nothing where the kernel has no PSI or was told not to keep it."""
    return [point for resource in RESOURCES for point in _read_resource(root / resource, resource)]


def _read_resource(path: Path, resource: str) -> list[Point]:
    try:
        totals = dict(_TOTAL.findall(path.read_text()))
    except FileNotFoundError:
        return []
    except OSError as error:
        return [] if error.errno in SWITCHED_OFF else [_fail(resource, severity, error) for severity in RESOURCES[resource]]
    return [
        read_point(STALLED, int(totals[severity]) / 1e6, resource=resource, severity=severity)
        for severity in RESOURCES[resource]
        if severity in totals
    ]


def _fail(resource: str, severity: str, error: Exception) -> Point:
    return fail_point(STALLED, error, resource=resource, severity=severity)


FAMILIES = (Family(read_pressure, (STALLED,)),)
