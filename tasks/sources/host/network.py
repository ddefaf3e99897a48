"""Network interfaces: bytes, packets, drops and errors per second in each direction."""

import re

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
# Loopback is not a network. The host's ends of containers come and go by the hundred, and their bridge counts the same bytes.
NO_NETWORKS = re.compile(r"lo\d*|ifb\d+|(veth|cali|lxc|tap)\w+")


def read_network() -> list[Point]:
    """Counters since boot of every interface; nothing on a machine without a network."""
    devices = psutil.net_io_counters(pernic=True, nowrap=False) or {}
    return [
        read_point(metric, getattr(counters, field), device=device, direction=direction)
        for device, counters in devices.items()
        if NO_NETWORKS.fullmatch(device) is None
        for metric, direction, field in FIELDS
    ]


FAMILIES = (Family(read_network, (IO, PACKETS, DROPPED, ERRORS)),)
