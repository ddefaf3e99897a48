"""Network interfaces: bytes, packets, drops and errors per second in each direction.

Left out is what is no network of its own: loopback, and the host's ends of containers and virtual machines, which come and go by
the hundred. What an interface is, the kernel says; names are up to whoever made it.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import psutil

from tasks.sources.host.metric import Family, Metric, Point, read_point

_ATTRIBUTES = ("device", "direction")
_SOURCE = "psutil.net_io_counters"
IO = Metric("system.network.io", "By/s", "rate", "Bytes per second.", _SOURCE, _ATTRIBUTES)
PACKETS = Metric("system.network.packet.count", "{packet}/s", "rate", "Packets per second.", _SOURCE, _ATTRIBUTES)
DROPPED = Metric(
    "system.network.packet.dropped", "{packet}/s", "rate", "Packets dropped per second without an error.", _SOURCE, _ATTRIBUTES
)
ERRORS = Metric("system.network.errors", "{error}/s", "rate", "Errors per second.", _SOURCE, _ATTRIBUTES)

FIELDS = (
    (IO, "receive", "bytes_recv"),
    (IO, "transmit", "bytes_sent"),
    (PACKETS, "receive", "packets_recv"),
    (PACKETS, "transmit", "packets_sent"),
    (DROPPED, "receive", "dropin"),
    (DROPPED, "transmit", "dropout"),
    (ERRORS, "receive", "errin"),
    (ERRORS, "transmit", "errout"),
)
INTERFACES = Path("/sys/class/net")
# Where the kernel tells nothing of an interface, and for ifb, which it tells from others by its name only.
NO_NETWORKS = re.compile(r"lo\d*|ifb\d+")
LOOPBACK = "772"
IFF_TAP = 0x2


def read_network(interfaces: Path = INTERFACES) -> list[Point]:
    """Counters since boot of every interface; nothing on a machine without a network."""
    devices = psutil.net_io_counters(pernic=True, nowrap=False) or {}
    networks = set(list_networks(devices, interfaces))
    return [
        read_point(metric, getattr(counters, field), device=device, direction=direction)
        for device, counters in devices.items()
        if device in networks
        for metric, direction, field in FIELDS
    ]


def list_networks(devices: Iterable[str], interfaces: Path) -> list[str]:
    """Those of the devices that are networks. A pair's end is the network of the container that has no hardware."""
    named = [device for device in devices if NO_NETWORKS.fullmatch(device) is None]
    others = [device for device in named if not _is_loopback(interfaces / device) and not _is_tap(interfaces / device)]
    has_hardware = any((interfaces / device / "device").exists() for device in others)
    return [device for device in others if not (has_hardware and _is_end_of_pair(interfaces / device))]


def _is_loopback(folder: Path) -> bool:
    return _read(folder / "type") == LOOPBACK


def _is_tap(folder: Path) -> bool:
    """The host's end of a virtual machine; a tunnel (tun) is a network."""
    flags = _read(folder / "tun_flags")
    return flags is not None and bool(int(flags, 16) & IFF_TAP)


def _is_end_of_pair(folder: Path) -> bool:
    """Whether its peer is in another namespace: it is linked to an interface that is none of those it lies upon."""
    index, link = _read(folder / "ifindex"), _read(folder / "iflink")
    return index != link and not any(folder.glob("lower_*")) and not (folder / "device").exists()


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None


FAMILIES = (Family(read_network, (IO, PACKETS, DROPPED, ERRORS)),)
